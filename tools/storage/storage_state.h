// SPDX-License-Identifier: Apache-2.0
// storage_state.h - what the storage agent keeps over restarts, and while its manager is down: who
// was revoked, how long points are kept, when each repository was last looked after, and what the
// manager does not know yet.
//
// A value and its JSON. A part that cannot be read is left out: a volume without a rule keeps
// everything, and the manager tells its rules and all revocations again.
#pragma once

#include <map>
#include <set>
#include <string>

#include "engine/flow/chore.h"
#include "tools/common/kept_jobs.h"

namespace ebb {

struct StorageState {
  using Rules = std::map<VolumeId, KeepRule>;
  std::map<std::string, Rules> keep;  // By repository; as last heard.
  // By repository and what was done ("retention", "scrub"): when it last ended, seconds since 1970.
  std::map<std::string, std::map<std::string, std::int64_t>> ended;
  std::vector<KeptJob> jobs;
  std::set<HolderId> revoked;  // For good: whoever is let in again has another key.
  control::HeardRevocations heard;

  // What the manager says now, in place of what it said before; but nobody is let in again by it.
  void take(const control::StorageOrders& orders);
};

std::string to_text(const StorageState& state);
StorageState storage_state_of(const std::string& text);

}  // namespace ebb
