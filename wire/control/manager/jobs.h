// SPDX-License-Identifier: Apache-2.0
// jobs.h - what hosts report that they did, and how many bytes went through the manager's ports.
#pragma once

#include "wire/control/manager/catalog.h"

namespace ebb::control {

using JobId = Name<16, struct JobIdTag>;

enum class JobOutcome { running, done, incomplete, failed };
std::string_view name_of(JobOutcome outcome);

struct JobRow {
  JobId id;
  std::string host;
  std::string kind;
  std::string policy;     // Empty: by hand.
  std::uint64_t run = 0;  // The request it answers; 0: none. Not kept.
  std::string repository;
  std::optional<CatalogVolumeId> volume;
  std::string label;
  WallTime started;
  std::optional<WallTime> ended;
  JobOutcome outcome = JobOutcome::running;
  std::string message;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_stored = 0;
  std::optional<CatalogPointId> point;
};

// Since the manager was made.
struct TrafficRow {
  std::string port;  // "control" or "enrolment".
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t connections = 0;
};

class Jobs {
 public:
  explicit Jobs(Database& database) : database_(database) {}

  // Of the host that reports them; a job reported again replaces itself. `denied` when another
  // host reported one of them before; then none is kept.
  Result<void> report(const Host& host, const std::vector<JobRow>& jobs, Policies& policies);
  // The newest first, at most `most`.
  Result<std::vector<JobRow>> newest(std::uint64_t most);
  Result<std::uint64_t> count(JobOutcome outcome, WallTime since);

  Result<void> add_traffic(const TrafficRow& traffic);
  Result<std::vector<TrafficRow>> traffic();

 private:
  Database& database_;
};

}  // namespace ebb::control
