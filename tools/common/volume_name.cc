// SPDX-License-Identifier: Apache-2.0
#include "tools/common/volume_name.h"

#include <fmt/format.h>

namespace ebb {

std::string volume_name_for(const Passport& passport) {
  const auto base = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
  if (!passport.dm_name.empty()) return passport.dm_name;
  if (!passport.backing_file.empty()) return base(passport.backing_file);
  const std::string id = !passport.serial.empty() ? passport.serial : passport.wwn;
  if (!id.empty()) {
    return passport.partition_number == 0 ? id
                                          : fmt::format("{}-part{}", id, passport.partition_number);
  }
  return base(passport.path);
}

}  // namespace ebb
