// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/jobs.h"

#include <algorithm>
#include <array>

namespace ebb::control {

namespace {

constexpr std::array<JobOutcome, 4> outcomes{JobOutcome::running, JobOutcome::done,
                                             JobOutcome::incomplete, JobOutcome::failed};

JobOutcome outcome_named(std::string_view name) {
  const auto found =
      std::ranges::find_if(outcomes, [&](JobOutcome o) { return name_of(o) == name; });
  return found == outcomes.end() ? JobOutcome::failed : *found;
}

}  // namespace

std::string_view name_of(JobOutcome outcome) {
  switch (outcome) {
    case JobOutcome::running: return "running";
    case JobOutcome::done: return "done";
    case JobOutcome::incomplete: return "incomplete";
    case JobOutcome::failed: return "failed";
  }
  return "unknown";
}

Result<void> Jobs::report(const Host& host, const std::vector<JobRow>& jobs, Policies& policies) {
  return database_.atomically([&]() -> Result<void> {
    for (const JobRow& job : jobs) {
      const std::uint64_t changed = TRY(database_.change(
          "INSERT INTO jobs (id, host, kind, policy, repository, volume, label, started, ended, "
          "outcome, message, bytes_read, bytes_stored, point) VALUES "
          "(?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET ended = excluded.ended, "
          "outcome = excluded.outcome, message = excluded.message, "
          "bytes_read = excluded.bytes_read, bytes_stored = excluded.bytes_stored, "
          "point = excluded.point WHERE host = excluded.host",
          {job.id, host.name, job.kind, job.policy, job.repository, job.volume, job.label,
           job.started, job.ended, name_of(job.outcome), job.message, job.bytes_read,
           job.bytes_stored, job.point}));
      if (changed == 0) {
        // Not denied, which is what whoever was revoked is told.
        return fail(Error::invalid("the job {} is another host's", job.id.hex()));
      }
      if (job.run != 0) TRY(policies.answer_run(job.run, host.name));
    }
    return {};
  });
}

Result<std::vector<JobRow>> Jobs::newest(std::uint64_t most) {
  std::vector<JobRow> jobs;
  TRY(database_.each(
      "SELECT id, host, kind, policy, repository, volume, label, started, ended, outcome, "
      "message, bytes_read, bytes_stored, point FROM jobs ORDER BY started DESC LIMIT ?",
      {most}, [&](const SqlRow& row) {
        JobRow job;
        job.id = row.name<JobId>(0);
        job.host = row.text(1);
        job.kind = row.text(2);
        job.policy = row.text(3);
        job.repository = row.text(4);
        if (!row.is_null(5)) job.volume = row.name<CatalogVolumeId>(5);
        job.label = row.text(6);
        job.started = row.time(7);
        job.ended = row.maybe_time(8);
        job.outcome = outcome_named(row.text(9));
        job.message = row.text(10);
        job.bytes_read = row.count(11);
        job.bytes_stored = row.count(12);
        if (!row.is_null(13)) job.point = row.name<CatalogPointId>(13);
        jobs.push_back(std::move(job));
      }));
  return jobs;
}

Result<std::uint64_t> Jobs::count(JobOutcome outcome, WallTime since) {
  return static_cast<std::uint64_t>(TRY(database_.number(
      "SELECT count(*) FROM jobs WHERE outcome = ? AND started >= ?", {name_of(outcome), since})));
}

Result<void> Jobs::add_traffic(const TrafficRow& traffic) {
  TRY(database_.change(
      "INSERT INTO traffic (port, bytes_in, bytes_out, connections) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (port) DO UPDATE SET bytes_in = bytes_in + excluded.bytes_in, "
      "bytes_out = bytes_out + excluded.bytes_out, "
      "connections = connections + excluded.connections",
      {traffic.port, traffic.bytes_in, traffic.bytes_out, traffic.connections}));
  return {};
}

Result<std::vector<TrafficRow>> Jobs::traffic() {
  std::vector<TrafficRow> rows;
  TRY(database_.each("SELECT port, bytes_in, bytes_out, connections FROM traffic ORDER BY port", {},
                     [&](const SqlRow& row) {
                       rows.push_back({row.text(0), row.count(1), row.count(2), row.count(3)});
                     }));
  return rows;
}

}  // namespace ebb::control
