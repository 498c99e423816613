// SPDX-License-Identifier: Apache-2.0
// housekeeping.h - decides when the storage agent's repositories are looked after, and notes what
// came of it: points go by the manager's rules, then garbage; rot is searched for and mended.
//
// Everything is on the agent's own thread and by its clock. What was begun and not ended when the
// agent went is begun again. A volume for which there is no rule keeps everything.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "devmap/core/random.h"
#include "tools/common/due.h"
#include "tools/common/kept.h"
#include "tools/storage/storage_state.h"
#include "wire/agent/storage_service.h"

namespace ebb {

using KeptStorageState = Kept<StorageState>;

struct HousekeepingPlan {
  std::chrono::seconds retention_every{std::chrono::hours(24)};  // 0: never.
  std::chrono::seconds scrub_every{std::chrono::hours(24 * 7)};  // 0: never.
  Window window;                                                 // In which it begins.
};

class Housekeeping {
 public:
  struct World {
    std::vector<std::string> repositories;
    KeptStorageState& state;
    const Clock& clock;
    const StopFlag& stop;  // What it interrupts was not done, and is done after the next start.
    std::function<void(std::string_view line)> log;
  };
  Housekeeping(World world, const HousekeepingPlan& plan);
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

  // Begins what is due. Looks at the clock only once a second.
  void tick(StorageService& service);
  // For StorageService::Wishes; of chores that others begin, too.
  void chored(const ChoreNews& news);

 private:
  // Its chores are done one after the other, and then it counts as done.
  struct Task {
    std::string what;  // "retention", "scrub"
    std::vector<Chore> left;
    bool went_wrong = false;
  };
  std::optional<std::int64_t> due(const std::string& repository, const std::string& what) const;
  std::chrono::seconds period_of(const std::string& what) const;
  std::vector<Chore> chores_for(const std::string& repository, const std::string& what) const;
  void begin_what_is_due(StorageService& service, const std::string& repository);
  void step_ended(const ChoreNews& news);
  void note_done(const std::string& repository, const Task& task);

  World world_;
  HousekeepingPlan plan_;
  std::int64_t known_since_;
  double looked_at_ = 0;               // By the steady clock.
  std::map<std::string, Task> tasks_;  // Under way, by repository.
};

}  // namespace ebb
