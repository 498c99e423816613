// SPDX-License-Identifier: Apache-2.0
#include "tools/common/kept_jobs.h"

#include <algorithm>
#include <array>

#include "tools/common/json_parts.h"

namespace ebb {

namespace {

constexpr std::size_t most_jobs = 4096;

constexpr std::array<std::pair<control::Outcome, const char*>, 4> outcomes{
    {{control::Outcome::running, "running"},
     {control::Outcome::done, "done"},
     {control::Outcome::incomplete, "incomplete"},
     {control::Outcome::failed, "failed"}}};

}  // namespace

void put_job(std::vector<KeptJob>& jobs, control::JobToReport job) {
  const auto same = std::find_if(jobs.begin(), jobs.end(),
                                 [&](const KeptJob& kept) { return kept.job.id == job.id; });
  if (same != jobs.end()) {
    *same = {std::move(job), false};
    return;
  }
  jobs.push_back({std::move(job), false});
  if (jobs.size() > most_jobs) jobs.erase(jobs.begin());
}

std::vector<control::JobToReport> untold_of(const std::vector<KeptJob>& jobs) {
  std::vector<control::JobToReport> list;
  for (const KeptJob& kept : jobs) {
    if (!kept.is_told) list.push_back(kept.job);
  }
  return list;
}

void note_told(std::vector<KeptJob>& jobs, const std::vector<control::JobToReport>& known) {
  for (const control::JobToReport& job : known) {
    for (KeptJob& kept : jobs) {
      if (kept.job.id == job.id && kept.job.ended == job.ended) kept.is_told = true;
    }
  }
  std::erase_if(jobs, [](const KeptJob& kept) { return kept.is_told && kept.job.ended; });
}

void end_running(std::vector<KeptJob>& jobs, WallTime now, const std::string& why) {
  for (KeptJob& kept : jobs) {
    if (kept.job.ended) continue;
    kept.job.ended = now;
    kept.job.outcome = control::Outcome::failed;
    kept.job.message = why;
    kept.is_told = false;
  }
}

nlohmann::json json_of(const KeptJob& kept) {
  const control::JobToReport& job = kept.job;
  const auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                    [&](const auto& pair) { return pair.first == job.outcome; });
  nlohmann::json to = {{"id", job.id.hex()},
                       {"kind", job.kind},
                       {"policy", job.policy},
                       {"run", job.run},
                       {"repository", job.repository},
                       {"label", job.label},
                       {"started", job.started.nanoseconds},
                       {"outcome", outcome->second},
                       {"message", job.message},
                       {"bytes_read", job.bytes_read},
                       {"bytes_stored", job.bytes_stored},
                       {"told", kept.is_told}};
  if (job.ended) to["ended"] = job.ended->nanoseconds;
  if (job.point) to["point"] = job.point->hex();
  return to;
}
std::optional<KeptJob> job_of(const nlohmann::json& from) {
  const auto id = control::WireJobId::from_hex_text(text_in(from, "id"));
  const std::string word = text_in(from, "outcome");
  const auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                    [&](const auto& pair) { return word == pair.second; });
  if (!id || outcome == outcomes.end()) return std::nullopt;
  KeptJob kept;
  control::JobToReport& job = kept.job;
  job.id = *id;
  job.kind = text_in(from, "kind");
  job.policy = text_in(from, "policy");
  job.run = number_in(from, "run");
  job.repository = text_in(from, "repository");
  job.label = text_in(from, "label");
  job.started.nanoseconds = number_in<std::int64_t>(from, "started");
  if (const auto ended = number_in<std::int64_t>(from, "ended")) job.ended = WallTime{ended};
  job.outcome = outcome->first;
  job.message = text_in(from, "message");
  job.bytes_read = number_in(from, "bytes_read");
  job.bytes_stored = number_in(from, "bytes_stored");
  job.point = control::WirePointId::from_hex_text(text_in(from, "point"));
  kept.is_told = is_set(from, "told");
  return kept;
}

}  // namespace ebb
