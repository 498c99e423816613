// SPDX-License-Identifier: Apache-2.0
// mounts.h - what is mounted where, from /proc/self/mountinfo (proc(5)).
//
// Inside devmap only. Sees this process's mount namespace; what another one mounts shows only as
// exclusive use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "devmap/system_roots.h"

namespace ebb {

struct MountEntry {
  std::uint64_t id = 0;
  std::string number;  // "8:1"; major 0 for file systems without a device of their own.
  std::string folder;
  std::string type;
  std::string source;
  std::string options;  // Of the file system, comma-separated.
};

std::vector<MountEntry> mounts(const SystemRoots& roots);

// The mount that `path` lies on. Asks the kernel; where it cannot say (the path is gone), the
// longest mount point above the path.
std::optional<MountEntry> mount_of(const std::string& path, const SystemRoots& roots);

}  // namespace ebb
