// SPDX-License-Identifier: Apache-2.0
// backup_setting.h - what a policy may say of how its backups are made: settings of `ebb backup`,
// as a host's ebb.toml has them below [backup], "snapshot=auto".
//
// Only what says how, never what, from where or where to: a manager must not be able to have a host
// read or write anything but the volumes of its policies. Both sides hold this list.
#pragma once

#include <string>
#include <string_view>

#include "devmap/core/result.h"

namespace ebb::control {

struct BackupSetting {
  std::string key;
  std::string value;
  // As `ebb backup` takes it: "--snapshot=auto", "--no-leave-out-free".
  std::string option() const;
};

// `invalid`, naming those that there are, when it is none. Whether a number is in its bounds is for
// `ebb backup` to say.
Result<BackupSetting> parse_backup_setting(std::string_view text);

}  // namespace ebb::control
