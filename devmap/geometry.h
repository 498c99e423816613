// SPDX-License-Identifier: Apache-2.0
// geometry.h - the shape of a device and the one place where bytes and blocks meet.
//
// A Shape is what decides whether bytes may go from one device to another. A BlockGrid cuts a
// device into blocks; every rounding between bytes and blocks in ebb is one of its functions.
#pragma once

#include "devmap/core/limits.h"
#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

// Size and sector sizes of a device. `size` is a multiple of `logical_sector`, except for image
// files, which may have any size.
struct Shape {
  ByteCount size;
  ByteCount logical_sector{512};
  ByteCount physical_sector{512};
  bool operator==(const Shape&) const = default;
};

// A power of two from limits::min_block_size to limits::max_block_size.
class BlockSize {
 public:
  static Result<BlockSize> of(ByteCount bytes);
  static BlockSize standard();
  ByteCount bytes() const { return ByteCount(1ull << shift_); }
  unsigned shift() const { return shift_; }
  bool operator==(const BlockSize&) const = default;

 private:
  explicit BlockSize(unsigned shift) : shift_(shift) {}
  unsigned shift_;
};

// A device of `size` bytes cut into blocks. The last block is short when size is no multiple.
class BlockGrid {
 public:
  BlockGrid(ByteCount size, BlockSize block) : size_(size), block_(block) {}

  ByteCount size() const { return size_; }
  BlockSize block() const { return block_; }
  BlockCount count() const {
    return BlockCount((size_.value() + block_.bytes().value() - 1) >> block_.shift());
  }
  BlockRun all() const { return BlockRun::of(BlockIndex(0), count()); }

  // Where the block lies; the last one may be short. `block` is on the grid.
  ByteRun bytes_of(BlockIndex block) const;
  // Where the run lies, clipped to the device's end.
  ByteRun bytes_of(BlockRun run) const;
  BlockIndex block_at(ByteIndex at) const { return BlockIndex(at.value() >> block_.shift()); }
  // Every block that shares a byte with `bytes`. Rounds outwards: a block copied twice costs time,
  // a block missed costs data. Clipped to the grid.
  BlockRun blocks_touching(ByteRun bytes) const;
  // Every block that lies wholly in `bytes`. Rounds inwards: for claims such as "this is a hole".
  BlockRun blocks_within(ByteRun bytes) const;

  bool operator==(const BlockGrid&) const = default;

 private:
  ByteCount size_;
  BlockSize block_;
};

}  // namespace ebb
