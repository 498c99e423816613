// SPDX-License-Identifier: Apache-2.0
// tracked_device.h - a block device as the tracker knows it: a part of a disk, and what it is.
//
// Two looks at the same number that give the same identity saw the same device, of the same size,
// in the same place, with nothing else put under it meanwhile that the kernel tells of: another
// image (loop), another table (device-mapper), another disk (diskseq), another partition.
#pragma once

#include <sys/types.h>

#include <string>

#include "devmap/core/result.h"
#include "devmap/core/units.h"
#include "devmap/system_roots.h"

namespace ebb {

struct TrackedDevice {
  dev_t number = 0;
  std::string node;                 // "/dev/loop7p1"
  std::uint64_t disk_sequence = 0;  // Of its disk.
  ByteIndex on_disk;                // Where it begins there.
  ByteCount size;
  bool by_requests = false;  // Its disk gathers bios into requests; device-mapper and md do not.
  std::string identity;

  // Refuses what cannot be tracked: no block device, an empty one, a zoned disk.
  static Result<TrackedDevice> of(const std::string& path, const SystemRoots& roots = {});
  static Result<TrackedDevice> of(dev_t number, const SystemRoots& roots = {});
};

// "7:3"
std::string number_text(dev_t number);

}  // namespace ebb
