// SPDX-License-Identifier: Apache-2.0
// free_space.h - which blocks of a device its file systems call free.
//
// Looks where a whole device, or each partition of its table, holds exactly one thing and that is
// a file system whose account is understood (ext2 to ext4, XFS). Whatever else there is, or does
// not fit together, is not free. An account is of an instant: it holds for what is copied only
// while nobody writes to the device, or when it is a snapshot.
//
// It does not know who uses the device; whoever asks does.
#pragma once

#include <string>
#include <vector>

#include "devmap/allocation/xfs_free_space.h"
#include "devmap/dirty_map.h"
#include "devmap/partition_table.h"

namespace ebb {

struct FreeSpace {
  DirtyMap blocks;  // Marked: every byte of the block is free.
  // For people, of each place that was looked at: "ext4 in partition 2: 12.0 GiB are free",
  // "xfs: its log is not empty".
  std::vector<std::string> said;
};

// `source` shows the device as it is on the disk, `fd` is open for reading on it, without O_DIRECT,
// for libblkid. `table` is the device's. `xfs_log`: of a whole device.
FreeSpace free_space_of(ByteSource& source, int fd, const PartitionTable& table,
                        const BlockGrid& grid, XfsLog xfs_log);

}  // namespace ebb
