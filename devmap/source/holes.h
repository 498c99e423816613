// SPDX-License-Identifier: Apache-2.0
// holes.h - which parts of an image file were never written, as the file system says.
//
// A hole reads as zeros, so it need not be read. Runs are what SEEK_HOLE and SEEK_DATA say now;
// whoever writes the file meanwhile may fill one. Block devices and file systems that do not tell
// have no holes. Leaving a hole out costs a read and is always right.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

// Walks the holes in [from, size) in order, a run at a time, in constant memory. The descriptor
// stays its owner's; its file position moves.
class HoleWalk {
 public:
  // Of a list, which somebody else made: sorted and apart.
  static HoleWalk of(std::shared_ptr<const std::vector<ByteRun>> list) {
    HoleWalk walk(-1, ByteIndex(0), ByteIndex(0));
    walk.list_ = std::move(list);
    return walk;
  }
  static Result<HoleWalk> over(int fd, ByteCount size, ByteIndex from = ByteIndex(0));
  // The next hole; none at the end.
  Result<std::optional<ByteRun>> next();

 private:
  HoleWalk(int fd, ByteIndex at, ByteIndex end) : fd_(fd), at_(at), end_(end) {}
  int fd_;
  ByteIndex at_;
  ByteIndex end_;
  std::shared_ptr<const std::vector<ByteRun>> list_;  // Instead of the descriptor.
  std::size_t given_ = 0;                             // Of the list.
};

// The most runs that holes_of returns; holes after them are left out. 16 MiB of memory.
inline constexpr std::size_t max_holes = 1u << 20;

// The holes in [0, size), sorted and apart.
Result<std::vector<ByteRun>> holes_of(int fd, ByteCount size);

}  // namespace ebb
