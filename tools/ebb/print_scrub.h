// SPDX-License-Identifier: Apache-2.0
// print_scrub.h - what a scrub found, for people and for programs.
#pragma once

#include "engine/flow/scrub.h"
#include "tools/ebb/command.h"

namespace ebb {

nlohmann::json json_of(const ScrubReport& report);
void print_scrub(Outside& outside, const ScrubReport& report);

}  // namespace ebb
