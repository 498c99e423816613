// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/chore.h"

#include <algorithm>

#include "engine/repo/minimum_age.h"

namespace ebb {

namespace {

Result<ChoreReport> run(const ChoreWorld& world, const PruneChore& chore) {
  Repository& repository = world.repository;
  const WallTime now = world.clock.wall();
  PruneRequest request = chore.request;
  if (chore.raise_minimum_age && chore.only_look) {
    request.minimum_age = std::max(request.minimum_age, *chore.raise_minimum_age);
  } else if (chore.raise_minimum_age) {
    TRY(raise_minimum_age(repository.objects(), repository.config().id, *chore.raise_minimum_age,
                          now));
  }
  PruneReport report;
  report.plan = TRY(plan_prune(repository, request, now));
  if (!chore.only_look) {
    report.removed = TRY(carry_out(repository, report.plan, now, world.stop, world.breathe));
  }
  return ChoreReport(std::move(report));
}

Result<ChoreReport> run(const ChoreWorld& world, const CollectChore& chore) {
  Collect collect(
      {world.repository, world.workers, world.observer, world.stop, world.wait, world.breathe},
      chore);
  return ChoreReport(TRY(during(collect.run(), "collecting garbage")));
}

Result<ChoreReport> run(const ChoreWorld& world, const ScrubChore& chore) {
  Scrub scrub({world.repository, world.repository.loop(), world.workers, world.observer, world.stop,
               world.breathe},
              chore.mode);
  return ChoreReport(TRY(during(scrub.run(), "scrubbing")));
}

}  // namespace

std::string_view name_of(const Chore& chore) {
  constexpr std::string_view names[] = {"prune", "collect", "scrub"};
  static_assert(std::variant_size_v<Chore> == std::size(names));
  return names[chore.index()];
}

bool only_looks(const Chore& chore) {
  if (const auto* prune = std::get_if<PruneChore>(&chore)) return prune->only_look;
  if (const auto* collect = std::get_if<CollectChore>(&chore)) return collect->only_look;
  return std::get<ScrubChore>(chore).mode == ScrubMode::look;
}

Result<ChoreReport> do_chore(const ChoreWorld& world, const Chore& chore) {
  return std::visit([&](const auto& which) { return run(world, which); }, chore);
}

}  // namespace ebb
