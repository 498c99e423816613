// SPDX-License-Identifier: Apache-2.0
// chores.h - prune, collect and scrub in a repository that an agent keeps, beside its backups.
//
// One at a time, each a story in a fiber of its own, which goes on whoever asked for it stays or
// not. It lets others have their turn, rests while they are at work, waits for those whom a
// collection has to wait for, and ends soon when it is told to. What has ended can be asked for a
// while.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "engine/flow/chore.h"
#include "wire/chore_message.h"

namespace ebb {

class HostedRepository;

// Shared by the story and by whoever asked for it.
struct ChoreRun {
  ChoreId id;
  Chore chore;
  std::string by;  // For people: a peer, "schedule".
  WallTime began;
  StopFlag stop;
  // By the story:
  std::string phase = "waiting for its turn";
  ByteCount done;
  ByteCount total;
  std::optional<WallTime> ended;
  std::optional<Result<ChoreReport>> result;  // Once it has ended.
};

class Chores {
 public:
  explicit Chores(HostedRepository& repository) : repository_(repository) {}
  Chores(const Chores&) = delete;
  Chores& operator=(const Chores&) = delete;

  // The one of this id, if it runs or ended not long ago.
  std::shared_ptr<ChoreRun> find(const ChoreId& id) const;
  // Busy while one runs.
  Result<std::shared_ptr<ChoreRun>> begin(const ChoreId& id, const Chore& chore,
                                          const std::string& by);
  bool is_busy() const { return running_ != nullptr; }
  // From now on none begins; the one that runs ends soon.
  void stop();

 private:
  void carry_out(ChoreRun& run);
  Result<ChoreReport> report(ChoreRun& run);

  HostedRepository& repository_;
  std::shared_ptr<ChoreRun> running_;
  std::deque<std::shared_ptr<ChoreRun>> ended_;  // The latest last.
  bool closing_ = false;
};

}  // namespace ebb
