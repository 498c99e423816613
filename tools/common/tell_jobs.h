// SPDX-License-Identifier: Apache-2.0
// tell_jobs.h - tells a manager what a daemon did and the manager does not know yet.
#pragma once

#include "tools/common/kept.h"
#include "tools/common/kept_jobs.h"

namespace ebb {

// `State` has `jobs`. What a manager will never take is logged and let go, for it must not stand
// before all that comes after it.
template <class State>
Result<void> tell_jobs(control::ControlClient& manager, Kept<State>& kept,
                       const std::function<void(std::string_view line)>& log) {
  const auto jobs = kept.read([](const State& state) { return untold_of(state.jobs); });
  if (jobs.empty()) return {};
  auto reported = manager.report_jobs(jobs);
  if (!reported && reported.error().kind() != ErrorKind::invalid) return reported;
  if (!reported) log("the manager refused a report of jobs: " + reported.error().text());
  kept.change([&](State& state) { note_told(state.jobs, jobs); });
  return {};
}

}  // namespace ebb
