// SPDX-License-Identifier: Apache-2.0
// remote_sink.h - ships into a repository at a storage agent.
//
// Records are sealed into rooms cut from the run's memory and sent from there without a copy. A
// room is free again when the agent has answered, so the rooms are the window; the agent says how
// many of them it can take. When the connection is cut, the run is begun again at the agent and
// what has no answer yet is put again: the agent keeps what it had answered. An agent that was
// started anew has lost that; then the run fails, and the next one ships only what is missing.
#pragma once

#include <unordered_set>

#include "engine/flow/extent_sink.h"
#include "engine/repo/point_store.h"
#include "wire/client/connection.h"
#include "wire/client/remote_source.h"
#include "wire/limits.h"

namespace ebb {

class RemoteSink final : public ExtentSink {
 public:
  static constexpr unsigned room_count = 16;
  static constexpr ByteCount memory() { return wire_limits::max_records * room_count; }

  RemoteSink(Connection& connection, PageSource& pages, PointStore& points, Arena& arena);
  // Waits for what is under way.
  ~RemoteSink() override;

  Result<RunBase> begin(const RunStart& start) override;
  PageSource& pages() override { return pages_; }
  void look_up(KnownQuery& query) override;
  bool claim(const Fingerprint& name) override;
  Result<std::optional<ShipRoom>> reserve(ByteCount bytes, std::uint64_t records) override;
  void filled(ShipRoom& room, std::span<const TableEntry> entries) override;
  Result<void> keep(const PageDigest& digest, Bytes bytes) override;
  Result<void> health() override;
  ByteCount stored() const override { return stored_; }
  Result<void> flush() override;
  Result<void> commit(const SignedPoint& point) override;

 private:
  // The run as one session knows it.
  struct RunThere {
    std::shared_ptr<Connection::Session> session;
    wire::Run::Client run;
    std::string latest;
    bool whole = false;
  };

  template <class Ask>
  auto call(Ask ask);
  // The run in the session that is now, begun there when it must; that session, too.
  Result<std::shared_ptr<RunThere>> run_there(std::shared_ptr<Connection::Session>& session);
  Result<std::shared_ptr<RunThere>> begin_there(std::shared_ptr<Connection::Session> session);
  Result<void> look_up_now(KnownQuery& query);
  Result<void> put_now(Bytes records);
  void start(std::function<Result<void>()> work);
  Result<void> wait_for_all();

  Connection& connection_;
  PageSource& pages_;
  PointStore& points_;
  std::vector<MutableBytes> free_rooms_;
  RunStart start_;
  ByteVector agent_start_;  // Empty until the first begin.
  std::shared_ptr<RunThere> run_;
  bool beginning_ = false;
  unsigned window_ = 1;
  unsigned under_way_ = 0;                            // Puts and pages without an answer.
  std::optional<Error> trouble_;                      // The first of what went on by itself.
  std::unordered_set<RecordName, NameHash> claimed_;  // Not yet answered.
  ByteCount stored_;
};

}  // namespace ebb
