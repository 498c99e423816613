// SPDX-License-Identifier: Apache-2.0
// repository_server.h - the agent's side of one repository, for one peer and what it may do.
//
// Every call is checked against the permission before anything is looked at. The agent holds no
// key: it hands out sealed bytes, small objects and places.
#pragma once

#include "engine/flow/local_source.h"
#include "wire/agent/hosted_repository.h"
#include "wire/agent/pace.h"
#include "wire/agent/peer_link.h"
#include "wire/agent/permission.h"
#include "wire/schema/repository.capnp.h"

namespace ebb {

class RepositoryServer final : public wire::Repository::Server {
 public:
  // `pace` is what content goes by; without one it goes as fast as it can.
  RepositoryServer(HostedRepository& repository, Permission permission, std::shared_ptr<Pace> pace,
                   std::shared_ptr<PeerLink> link);

  kj::Promise<void> read(ReadContext context) override;
  kj::Promise<void> list(ListContext context) override;
  kj::Promise<void> write(WriteContext context) override;
  kj::Promise<void> rename(RenameContext context) override;
  kj::Promise<void> remove(RemoveContext context) override;
  kj::Promise<void> makeFolder(MakeFolderContext context) override;
  kj::Promise<void> syncFolder(SyncFolderContext context) override;

  kj::Promise<void> page(PageContext context) override;
  kj::Promise<void> locate(LocateContext context) override;
  kj::Promise<void> dataKeyOf(DataKeyOfContext context) override;
  kj::Promise<void> fetch(FetchContext context) override;

  kj::Promise<void> backUp(BackUpContext context) override;

  kj::Promise<void> doChore(DoChoreContext context) override;

 private:
  RingInKj& kj() { return repository_.world().kj; }
  Result<void> may_read_content() const;
  Result<void> may_do(const Chore& chore) const;
  // This peer's own: while it reads, what it was told of stays.
  Result<LocalSource*> source();

  HostedRepository& repository_;
  Permission permission_;
  std::shared_ptr<Pace> pace_;
  std::shared_ptr<PeerLink> link_;
  std::optional<LocalSource> source_;
};

}  // namespace ebb
