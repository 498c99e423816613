// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/agent_state.h"

#include <algorithm>

namespace ebb {

namespace {

constexpr std::size_t most_jobs = 4096;

}  // namespace

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
  const auto same = std::find_if(jobs.begin(), jobs.end(),
                                 [&](const KeptJob& kept) { return kept.job.id == job.id; });
  if (same != jobs.end()) {
    *same = {std::move(job), false};
    return;
  }
  jobs.push_back({std::move(job), false});
  if (jobs.size() > most_jobs) jobs.erase(jobs.begin());
}

std::vector<control::JobToReport> AgentState::untold() const {
  std::vector<control::JobToReport> list;
  for (const KeptJob& kept : jobs) {
    if (!kept.is_told) list.push_back(kept.job);
  }
  return list;
}

void AgentState::told(const std::vector<control::JobToReport>& known) {
  for (const control::JobToReport& job : known) {
    for (KeptJob& kept : jobs) {
      if (kept.job.id == job.id && kept.job.ended == job.ended) kept.is_told = true;
    }
  }
  std::erase_if(jobs, [](const KeptJob& kept) { return kept.is_told && kept.job.ended; });
}

void AgentState::end_what_ran(WallTime now) {
  for (KeptJob& kept : jobs) {
    if (kept.job.ended) continue;
    kept.job.ended = now;
    kept.job.outcome = control::Outcome::failed;
    kept.job.message = "ebb-agent ended while it ran";
    kept.is_told = false;
  }
}

}  // namespace ebb
