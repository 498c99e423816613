// SPDX-License-Identifier: Apache-2.0
// xfs_log.h - whether the log of an XFS is empty: the last thing in it is that the file system was
// unmounted.
//
// The log is written round and round. Each block of 512 bytes begins with how often that was done
// (the cycle), or with the magic of a record and then the cycle, so the head is where the cycle
// falls. What is right before it must be a record with one operation that says "unmounted"; mkfs
// and xfs_repair write one, too. The same is found by the kernel's xlog_find_head and
// xlog_check_unmount_rec (fs/xfs/xfs_log_recover.c), but what they repair (writes that a crash tore
// or put out of order, a log of zeros) is not empty here.
#pragma once

#include "devmap/allocation/xfs_shape.h"

namespace ebb {

// Busy, with the reason, unless the log is empty. Reads a few MiB of it, whatever its size.
Result<void> check_xfs_log_is_empty(ByteSource& source, const XfsLogPlace& place);

}  // namespace ebb
