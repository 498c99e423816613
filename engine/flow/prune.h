// SPDX-License-Identifier: Apache-2.0
// prune.h - removes recovery points by a rule: a plan first, then carrying it out.
//
// Needs no key and reads no point, so a damaged one goes as any other. What only the removed points
// needed stays until garbage is collected (collect.h). The plan judges each volume by itself; what
// no plan can have removed is up to Repository::remove_points().
#pragma once

#include <map>
#include <optional>

#include "devmap/core/interrupt.h"
#include "engine/flow/breathe.h"
#include "engine/repo/repository.h"

namespace ebb {

struct PruneRequest {
  KeepRule rule;
  std::chrono::seconds minimum_age{0};  // The repository's own, if that is longer.
  std::optional<VolumeId> volume;       // Else all.
  // Where there is one: a rule for each volume in place of `rule`; the others keep everything.
  std::optional<std::map<VolumeId, KeepRule>> of_volumes = {};

  KeepRule rule_of(const VolumeId& id) const;
};

struct PrunePlan {
  std::chrono::seconds minimum_age{0};  // What it went by.
  std::vector<PointVerdict> points;     // By volume; in each the newest first.
};

// `now` is that of the clock by which points arrived.
Result<PrunePlan> plan_prune(Repository& repository, const PruneRequest& request, WallTime now);

// How many were removed. Stopped half-way, the points of some volumes are gone and durably so.
// Between two volumes others have their turn.
Result<std::uint64_t> carry_out(Repository& repository, const PrunePlan& plan, WallTime now,
                                const StopFlag& stop, const Breathe& breathe = {});

}  // namespace ebb
