// SPDX-License-Identifier: Apache-2.0
// ext4_free_space.h - which bytes of an ext2, ext3 or ext4 hold nothing, by its own account.
//
// Read from the block bitmaps, a group at a time, through libext2fs. The account counts only while
// nobody writes it and all of it is on the disk: the file system was unmounted, or was frozen when
// the bytes that `source` shows were copied, and says so itself (no journal to replay). Whatever
// does not hold, or does not fit together, is an error, and then nothing may be left out.
//
// Format: the kernel's Documentation/filesystems/ext4.
#pragma once

#include <functional>

#include "devmap/byte_source.h"

namespace ebb {

// Calls `take` with runs of free bytes, ascending and apart, within `area`, where the file system
// begins at area.begin. Absent: there is no such file system; busy: it is in use or its journal is
// not empty; invalid: a feature or a shape that is not known here; damaged: it has errors, or
// checksums or counts do not fit. After an error the runs that were taken mean nothing.
Result<void> ext4_free_space(ByteSource& source, ByteRun area,
                             const std::function<void(ByteRun)>& take);

}  // namespace ebb
