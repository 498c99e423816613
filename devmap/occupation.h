// SPDX-License-Identifier: Apache-2.0
// occupation.h - who uses a device now, and which devices lie under a folder.
//
// A restore asks before it writes: a device that is mounted, held (dm, md, bcache), swapped on or
// attached through a loop device is not free, and neither is one with a partition that is. The
// answers are an instant's; whoever writes opens with O_EXCL as well.
#pragma once

#include <string>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/system_roots.h"

namespace ebb {

struct Occupation {
  // "/dev/sda1 on /boot": mounts of the device, of its partitions and of all that is stacked on it.
  std::vector<std::string> mounts;
  // What is stacked on it, directly or not: "dm-0 (vg-root)", "md127", "bcache0".
  std::vector<std::string> holders;
  // Swap areas on any of these: "/dev/dm-1".
  std::vector<std::string> swaps;
  // Loop devices attached to it or to any of these: "/dev/loop3".
  std::vector<std::string> loops;
  bool read_only = false;
  // Somebody has it open with O_EXCL, and none of the above explains it.
  bool in_exclusive_use = false;

  bool free() const {
    return mounts.empty() && holders.empty() && swaps.empty() && loops.empty() && !in_exclusive_use;
  }
};

// Of a block device or an image file.
Result<Occupation> probe_occupation(const std::string& path, const SystemRoots& roots = {});

// Is a file system mounted for writing that lies on the block device itself, rather than in a
// partition of it or on what is stacked on it? Then whoever suspends the device freezes it, and all
// of it is in its place. (One that is mounted only to be read may have a journal that nobody
// replayed.)
Result<bool> is_written_as_mounted(const std::string& path, const SystemRoots& roots = {});

// Do both paths name the same device or file? Symlinks are followed; a loop device and the whole
// backing file are the same. A path that does not exist is an error (absent).
Result<bool> same_device(const std::string& a, const std::string& b, const SystemRoots& roots = {});

// Would writing to one change bytes of the other? A partition and its disk, a logical volume and
// the disk under it, a loop device and its backing file: yes. Two partitions of a disk, a file and
// the disk that its file system lies on: no (for the latter see lies_on).
Result<bool> overlaps(const std::string& a, const std::string& b, const SystemRoots& roots = {});

// Every block device that a folder or file lies on, from the file system's own down to whole disks:
// partitions, dm and md members, and through loop devices to what their backing files lie on. Paths
// below roots.dev, sorted. Empty for what has no device (tmpfs, NFS) and for ZFS, which does not
// tell; its disks show as in exclusive use.
Result<std::vector<std::string>> devices_under(const std::string& folder_or_file,
                                               const SystemRoots& roots = {});

// Would writing to `device` (a block device or image file) overwrite what `folder_or_file` lies on?
// The question that a restore asks for the repository's folder.
Result<bool> lies_on(const std::string& folder_or_file, const std::string& device,
                     const SystemRoots& roots = {});

}  // namespace ebb
