// SPDX-License-Identifier: Apache-2.0
// agent_state.h - what the agent keeps over restarts, and while its manager is down.
//
// A value and its JSON; agent.cc keeps it in a file. A part that cannot be read is left out: the
// manager tells orders again, and a volume whose last run is forgotten is backed up once too often.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tools/common/kept_jobs.h"

namespace ebb {

// A request of a person to run a policy now.
struct RunTask {
  std::string policy;
  bool is_begun = false;       // `left` was filled.
  std::set<std::string> left;  // Names of volumes that were not begun yet.
  bool is_done() const { return is_begun && left.empty(); }
};

// An --after hook that has yet to put back what its --before changed.
struct OwedHook {
  std::string policy;
  std::string device;
  std::string command;
};

struct AgentState {
  std::vector<control::PolicyOrder> policies;    // As last heard.
  std::map<std::string, std::string> addresses;  // Of repositories.
  std::map<std::uint64_t, RunTask> runs;         // By the number of the request.
  std::map<std::string, std::map<std::string, std::int64_t>> ended;  // Policy, volume: seconds.
  std::map<std::string, OwedHook> owed;  // By volume: from before --before until after --after.
  std::vector<KeptJob> jobs;             // That run, or that the manager does not know of yet.

  const control::PolicyOrder* policy(const std::string& name) const;
  // What the manager says now, in place of what it said before. A request that was begun is not
  // begun again, however often it is told.
  void take(const control::SourceOrders& orders);
  // Replaces the job of this id; beyond a bound the oldest is forgotten.
  void put(control::JobToReport job);
  std::vector<control::JobToReport> untold() const;
  // They are known to the manager; what has changed since is told again.
  void told(const std::vector<control::JobToReport>& jobs);
  // After a start: what ran then runs no more.
  void end_what_ran(WallTime now);
};

std::string to_text(const AgentState& state);
AgentState agent_state_of(const std::string& text);

}  // namespace ebb
