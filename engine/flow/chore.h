// SPDX-License-Identifier: Apache-2.0
// chore.h - what keeps a repository in order: prune, collect, scrub.
//
// A chore is done where the repository lies, by whoever keeps it and by that one's clock; a program
// asks for it there or here in the same words (RepositoryAccess::do_chore) and gets the same
// report. One at a time in a repository.
#pragma once

#include <string_view>
#include <variant>

#include "engine/flow/collect.h"
#include "engine/flow/prune.h"
#include "engine/flow/scrub.h"

namespace ebb {

struct PruneChore {
  PruneRequest request;
  // First becomes the repository's own minimum age, for good.
  std::optional<std::chrono::seconds> raise_minimum_age;
  bool only_look = false;  // A plan, and nothing is removed or raised.
};
using CollectChore = CollectRequest;
struct ScrubChore {
  ScrubMode mode = ScrubMode::look;
};
using Chore = std::variant<PruneChore, CollectChore, ScrubChore>;

struct PruneReport {
  PrunePlan plan;
  std::uint64_t removed = 0;
};
using ChoreReport = std::variant<PruneReport, CollectReport, ScrubReport>;

// "prune", "collect", "scrub".
std::string_view name_of(const Chore& chore);
// Whether it leaves everything as it is, so that the repository may be open for reading only.
bool only_looks(const Chore& chore);

struct ChoreWorld {
  Repository& repository;
  Workers& workers;
  Observer& observer;
  const StopFlag& stop;
  const Clock& clock;
  // As Collect has them; nobody else is there without.
  std::function<Result<bool>()> wait = {};
  Breathe breathe = {};
};
Result<ChoreReport> do_chore(const ChoreWorld& world, const Chore& chore);

}  // namespace ebb
