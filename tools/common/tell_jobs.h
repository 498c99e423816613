// SPDX-License-Identifier: Apache-2.0
// tell_jobs.h - tells a manager what a daemon did and the manager does not know yet.
#pragma once

#include "tools/common/kept.h"
#include "tools/common/kept_jobs.h"

namespace ebb {

// `State` has `jobs`. One that a manager will never take is logged and let go, for it must not
// stand before all that comes after it.
template <class State>
Result<void> tell_jobs(control::ControlClient& manager, Kept<State>& kept,
                       const std::function<void(std::string_view line)>& log) {
  const auto all = kept.read([](const State& state) { return untold_of(state.jobs); });
  for (std::size_t at = 0; at < all.size();) {
    // Some at a time; of those of which one is not taken, one by one.
    const std::size_t some = std::min(control::max_jobs, all.size() - at);
    const auto jobs = std::vector(all.begin() + static_cast<std::ptrdiff_t>(at),
                                  all.begin() + static_cast<std::ptrdiff_t>(at + some));
    at += some;
    const auto reported = manager.report_jobs(jobs);
    if (!reported && reported.error().kind() != ErrorKind::invalid) return reported;
    for (std::size_t i = 0; !reported && i < jobs.size(); ++i) {
      const auto taken = manager.report_jobs({jobs[i]});
      if (!taken && taken.error().kind() != ErrorKind::invalid) return taken;
      if (!taken) log("the manager refused the report of a job: " + taken.error().text());
    }
    kept.change([&](State& state) { note_told(state.jobs, jobs); });
  }
  return {};
}

}  // namespace ebb
