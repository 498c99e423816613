// SPDX-License-Identifier: Apache-2.0
// print_settings.h - the settings that hold: as a configuration file with a note behind each, or as
// JSON.
#pragma once

#include "tools/common/configuration.h"

namespace ebb {

std::string toml_of(const std::vector<SettingNow>& settings, const SettingsFile& file);
nlohmann::json json_of(const std::vector<SettingNow>& settings, const SettingsFile& file);

}  // namespace ebb
