// SPDX-License-Identifier: Apache-2.0
// whole_file.h - a whole pack in memory, read in large pieces of which many are under way.
//
// Where the disk does not give bytes they are zero, which a CRC will notice, and the reader is told
// so. It does not know what a pack is.
#pragma once

#include <cstdlib>
#include <memory>

#include "engine/file/files.h"

namespace ebb {

struct WholeFile {
  std::unique_ptr<std::byte, decltype(&std::free)> memory{nullptr, &std::free};
  MutableBytes bytes;
  bool had_read_errors = false;
};

// The first `size` bytes of the file in a memory of `room`; what is beyond them is zero.
Result<WholeFile> read_whole(Loop& loop, File& file, ByteCount size, ByteCount room);
// Whether the file holds exactly these bytes. Takes a piece of memory, not another whole file.
Result<bool> holds_exactly(Loop& loop, File& file, Bytes bytes);

}  // namespace ebb
