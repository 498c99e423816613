// SPDX-License-Identifier: Apache-2.0
// chore_text.h - what became of a chore, in a line for the log and as a job for the manager.
#pragma once

#include "tools/common/kept_jobs.h"
#include "wire/agent/storage_service.h"

namespace ebb {

// "removed 3 of 12 points"
std::string text_of(const ChoreReport& report);
// Done, but something stayed that should not have: damage, or what could not be read.
bool is_incomplete(const ChoreReport& report);
control::JobToReport job_of(const ChoreNews& news);
// One line, one event.
std::string log_line_of(const ChoreNews& news);

}  // namespace ebb
