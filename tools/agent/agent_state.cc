// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/agent_state.h"

#include <algorithm>

namespace ebb {

const control::PolicyOrder* AgentState::policy(const std::string& name) const {
  const auto found = std::find_if(policies.begin(), policies.end(),
                                  [&](const auto& policy) { return policy.name == name; });
  return found == policies.end() ? nullptr : &*found;
}

void AgentState::take(const control::SourceOrders& orders) {
  policies = orders.policies;
  const auto is_told = [&](std::uint64_t number) {
    return std::any_of(orders.runs.begin(), orders.runs.end(),
                       [&](const control::RunOrder& run) { return run.number == number; });
  };
  std::erase_if(runs, [&](const auto& run) { return run.second.is_done() && !is_told(run.first); });
  for (const control::RunOrder& run : orders.runs) {
    runs.try_emplace(run.number, RunTask{run.policy, false, {}});
  }
  std::erase_if(ended, [&](const auto& entry) { return policy(entry.first) == nullptr; });
  std::erase_if(addresses, [&](const auto& entry) {
    return std::none_of(policies.begin(), policies.end(),
                        [&](const auto& policy) { return policy.repository == entry.first; });
  });
}

void AgentState::put(control::JobToReport job) {
  put_job(jobs, std::move(job));
}

std::vector<control::JobToReport> AgentState::untold() const {
  return untold_of(jobs);
}

void AgentState::told(const std::vector<control::JobToReport>& known) {
  note_told(jobs, known);
}

void AgentState::end_what_ran(WallTime now) {
  end_running(jobs, now, "ebb-agent ended while it ran");
}

}  // namespace ebb
