// SPDX-License-Identifier: Apache-2.0
// backup_report.h - what `ebb backup` says of a point that it made, to people and to programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/flow/backup.h"

namespace ebb {

nlohmann::json json_of(const BackupReport& report, const std::vector<std::string>& notes);
// A line, or several.
std::string text_of(const BackupReport& report);

}  // namespace ebb
