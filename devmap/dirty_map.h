// SPDX-License-Identifier: Apache-2.0
// dirty_map.h - one bit per block: may it differ from the base point?
//
// A set bit says "may", a clear bit says "does not, if the source of this map told the truth".
// 64 TiB in blocks of 64 KiB are 128 MiB of bits; a map is made for one run and thrown away.
#pragma once

#include <optional>
#include <vector>

#include "devmap/geometry.h"

namespace ebb {

class DirtyMap {
 public:
  static DirtyMap clean(BlockGrid grid) { return DirtyMap(grid, 0); }
  static DirtyMap all_dirty(BlockGrid grid) { return DirtyMap(grid, ~0ull); }

  const BlockGrid& grid() const { return grid_; }
  void mark(BlockRun run);
  void clear(BlockRun run);
  // Marks every block that shares a byte with `bytes`.
  void mark_touching(ByteRun bytes) { mark(grid_.blocks_touching(bytes)); }
  bool dirty(BlockIndex block) const;
  BlockCount dirty_count() const { return dirty_count(grid_.all()); }
  BlockCount dirty_count(BlockRun run) const;
  // The next run of dirty blocks that begins at or after `from`, cut at `longest` blocks.
  std::optional<BlockRun> next_dirty(BlockIndex from, BlockCount longest) const;
  // Adds every dirty block of `other`, a map of the same grid.
  void unite(const DirtyMap& other);
  bool operator==(const DirtyMap&) const = default;

 private:
  DirtyMap(BlockGrid grid, std::uint64_t fill);
  BlockGrid grid_;
  std::vector<std::uint64_t> words_;  // Bits past the grid's end are always clear.
};

}  // namespace ebb
