// SPDX-License-Identifier: Apache-2.0
// xfs_free_space.h - which bytes of an XFS hold nothing, by its own account.
//
// Read from the trees of free extents by block number, one for each allocation group, in the order
// of the device. The account counts only while nobody writes it and all of it is on the disk: the
// log is empty (the file system was unmounted), or the caller knows that it was frozen when the
// bytes that `source` shows were copied. Whatever does not hold, or does not fit together, is an
// error, and then nothing may be left out.
//
// Formats: the kernel's fs/xfs/libxfs/xfs_format.h and xfs_log_format.h; "XFS Algorithms & Data
// Structures" (xfsprogs). Versions 4 and 5.
#pragma once

#include <functional>

#include "devmap/byte_source.h"

namespace ebb {

enum class XfsLog : std::uint8_t {
  must_be_empty,  // Else busy: what the trees say may be older than the log.
  was_frozen,     // Everything is in its place, whatever the log says.
};

// Calls `take` with runs of free bytes, ascending and apart, within `area`, where the file system
// begins at area.begin. Absent: there is no XFS; busy: its log is not empty; invalid: a feature or
// a shape that is not known here; damaged: checksums or counts do not fit. After an error the runs
// that were taken mean nothing.
Result<void> xfs_free_space(ByteSource& source, ByteRun area, XfsLog log,
                            const std::function<void(ByteRun)>& take);

}  // namespace ebb
