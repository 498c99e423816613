// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/prune.h"

#include <algorithm>

#include "engine/repo/minimum_age.h"

namespace ebb {

KeepRule PruneRequest::rule_of(const VolumeId& id) const {
  if (!of_volumes) return rule;
  const auto found = of_volumes->find(id);
  return found == of_volumes->end() ? KeepRule{} : found->second;
}

Result<PrunePlan> plan_prune(Repository& repository, const PruneRequest& request, WallTime now) {
  PrunePlan plan;
  plan.minimum_age = std::max(request.minimum_age,
                              TRY(read_minimum_age(repository.objects(), repository.config().id)));
  std::map<VolumeId, std::vector<ArrivedPoint>> volumes;
  for (const ArrivedPoint& point : TRY(repository.arrived_points(request.volume))) {
    volumes[point.name.volume].push_back(point);
  }
  for (auto& [volume, points] : volumes) {
    for (PointVerdict& verdict :
         judge_points(std::move(points), request.rule_of(volume), plan.minimum_age, now)) {
      if (!verdict.keep && repository.open_runs().is_base(verdict.point.name.id)) {
        verdict.keep = true;
        verdict.reason = "a running backup builds on it";
      }
      plan.points.push_back(std::move(verdict));
    }
  }
  return plan;
}

Result<std::uint64_t> carry_out(Repository& repository, const PrunePlan& plan, WallTime now,
                                const StopFlag& stop, const Breathe& breathe) {
  std::uint64_t removed = 0;
  for (auto at = plan.points.begin(); at != plan.points.end();) {
    if (stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
    const VolumeId volume = at->point.name.volume;
    std::vector<layout::PointName> names;
    for (; at != plan.points.end() && at->point.name.volume == volume; ++at) {
      // A run may have begun since the plan was made.
      const bool is_base = repository.open_runs().is_base(at->point.name.id);
      if (!at->keep && !is_base) names.push_back(at->point.name);
    }
    TRY(repository.remove_points(names, now));
    removed += names.size();
    if (breathe) TRY(breathe());
  }
  return removed;
}

}  // namespace ebb
