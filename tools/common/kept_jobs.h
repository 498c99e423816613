// SPDX-License-Identifier: Apache-2.0
// kept_jobs.h - what a daemon did, kept until its manager knows of it, over restarts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "wire/control/client/control_client.h"

namespace ebb {

struct KeptJob {
  control::JobToReport job;
  bool is_told = false;
};

// Replaces the job of this id; beyond a bound the oldest is forgotten.
void put_job(std::vector<KeptJob>& jobs, control::JobToReport job);
std::vector<control::JobToReport> untold_of(const std::vector<KeptJob>& jobs);
// They are known to the manager; what has changed since is told again.
void note_told(std::vector<KeptJob>& jobs, const std::vector<control::JobToReport>& known);
// After a start: what ran then runs no more, and `why` says so.
void end_running(std::vector<KeptJob>& jobs, WallTime now, const std::string& why);

nlohmann::json json_of(const KeptJob& kept);
std::optional<KeptJob> job_of(const nlohmann::json& from);

}  // namespace ebb
