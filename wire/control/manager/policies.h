// SPDX-License-Identifier: Apache-2.0
// policies.h - what is backed up, how often, when, and how long it is kept.
//
// Stored and validated here; carried out by source hosts (when) and storage agents (how long).
#pragma once

#include "wire/control/manager/hosts.h"
#include "wire/control/time_window.h"

namespace ebb::control {

// How many points of each kind are kept; all 0: everything.
struct KeepRuleRow {
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  bool operator==(const KeepRuleRow&) const = default;
};

struct Policy {
  std::string name;
  std::string repository;
  // "HOST:WHAT": a glob of host names, and a glob of paths, "serial=S" or "vg=NAME".
  std::vector<std::string> volumes;
  std::uint64_t every_seconds = 0;
  KeepRuleRow keep;
  std::uint64_t bytes_per_second = 0;  // 0: no bound.
  TimeWindow window;
  std::string before;  // Commands for the shell; empty: none.
  std::string after;
  std::vector<std::string> settings;  // Of `ebb backup`: "snapshot=auto" (backup_setting.h).
  bool operator==(const Policy&) const = default;
};

Result<std::uint64_t> parse_seconds(std::string_view text);  // "90s", "30m", "1h", "7d", "2w"
std::string seconds_text(std::uint64_t seconds);

// `invalid`, saying what and how it should be.
Result<void> validate(const Policy& policy);
// What of the policy is on this host; empty: it does not concern it.
std::vector<std::string> patterns_for(const Policy& policy, const std::string& host);

struct RunRequestRow {
  std::uint64_t number = 0;
  std::string policy;
};

class Policies {
 public:
  Policies(Database& database, AuditLog& audit) : database_(database), audit_(audit) {}

  // Replaces the one of its name. `absent` when its repository is not there.
  Result<void> set(const Policy& policy, WallTime now);
  Result<void> remove(const std::string& name, WallTime now);
  // After a rebuild the policies may be older than what storage agents were told, and points that a
  // newer one kept must not go by them: until somebody has confirmed them, agents keep their rules.
  Result<bool> are_unconfirmed();
  Result<void> confirm(WallTime now);
  Result<std::vector<Policy>> all();
  Result<Policy> named(const std::string& name);
  Result<std::vector<Policy>> concerning(const std::string& host);

  // Asks every host that the policy concerns to run it at its next poll. `absent` when there is no
  // such policy, `invalid` when it concerns no host that is enrolled.
  Result<std::uint64_t> request_run(const std::string& name, WallTime now);
  // Requests that the host has reported no job for; of the last seven days.
  Result<std::vector<RunRequestRow>> open_runs(const std::string& host, WallTime now);
  Result<void> answer_run(std::uint64_t number, const std::string& host);

 private:
  Database& database_;
  AuditLog& audit_;
};

}  // namespace ebb::control
