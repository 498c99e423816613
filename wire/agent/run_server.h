// SPDX-License-Identifier: Apache-2.0
// run_server.h - the agent's side of one run: checks what a peer puts, and packs it.
//
// It believes nothing: a record must have the right kind, lengths and CRC before it goes into a
// pack, and a point is committed only when all that it names is there. When the peer lets go of the
// run, or its connection ends, the run ends in a fiber of its own.
#pragma once

#include "wire/agent/hosted_repository.h"
#include "wire/agent/pace.h"
#include "wire/agent/peer_link.h"
#include "wire/schema/repository.capnp.h"

namespace ebb {

class RunServer final : public wire::Run::Server {
 public:
  RunServer(HostedRepository& repository, std::shared_ptr<OpenRun> run, std::shared_ptr<Pace> pace,
            std::shared_ptr<PeerLink> link);
  ~RunServer() noexcept;

  kj::Promise<void> lookUp(LookUpContext context) override;
  kj::Promise<void> put(PutContext context) override;
  kj::Promise<void> keep(KeepContext context) override;
  kj::Promise<void> flush(FlushContext context) override;
  kj::Promise<void> commit(CommitContext context) override;

 private:
  template <class Context, class Story>
  kj::Promise<void> in_run(Context context, Story story);
  template <class Context, class Story>
  kj::Promise<void> closing(Context context, Story story);
  Result<void> is_open() const;
  Result<void> is_complete(const Point& point);
  // Whatever fails below here leaves something out that the run counts as there.
  Result<void> kept(Result<void> done);
  Result<void> drop_known(std::vector<TableEntry>& entries);
  Result<void> place(std::vector<TableEntry> entries, Bytes records);

  HostedRepository& repository_;
  std::shared_ptr<OpenRun> run_;
  std::shared_ptr<Pace> pace_;
  std::shared_ptr<PeerLink> link_;
};

}  // namespace ebb
