// SPDX-License-Identifier: Apache-2.0
// settings_file.h - a program's configuration file, read and checked as a whole.
//
// Its keys are options of the program's commands. Whichever command reads it, every key and every
// value is looked at: what a file says is right or is refused, with the place of each mistake.
#pragma once

#include <map>
#include <optional>
#include <span>

#include "tools/common/outside.h"
#include "tools/common/setting_kind.h"

namespace ebb {

inline constexpr const char* default_config_folder = "/etc/ebb";
inline constexpr std::size_t max_config_bytes = 1024 * 1024;

struct FileSetting {
  std::vector<std::string> texts;  // As the command line would have them; none: the default.
  TextPlace place;
};

struct SettingsFile {
  std::string path;
  bool is_there = false;
  std::map<std::string, FileSetting> settings;  // By key.
  std::vector<std::string> complaints;          // "/etc/ebb/agent.toml:3:1: ..."
};

// `named` by --config, and then it is there; else `file` in EBB_CONFIG_DIR, else in /etc/ebb, and
// none there is as an empty one. `absent` and the like when it cannot be read.
Result<SettingsFile> read_settings_file(const std::string& named, const std::string& file,
                                        std::span<CLI::Option* const> options,
                                        const Outside& outside);

}  // namespace ebb
