// SPDX-License-Identifier: Apache-2.0
// skipped_blocks.h - the blocks that a backup does not read because it is known that they hold
// nothing: holes of an image, and what a file system calls free.
#pragma once

#include <optional>

#include "devmap/dirty_map.h"
#include "devmap/source/holes.h"

namespace ebb {

class SkippedBlocks {
 public:
  // Either may be missing. `free` outlives it.
  SkippedBlocks(BlockGrid grid, std::optional<HoleWalk> holes, const DirtyMap* free)
      : grid_(grid), holes_(std::move(holes)), free_(free) {}

  // The first run of skipped blocks that ends after `from`, from there on; nothing when no block is
  // skipped any more. What follows it may be skipped, too. Asked in the order of the device.
  Result<std::optional<BlockRun>> next(BlockIndex from);

 private:
  BlockGrid grid_;
  std::optional<HoleWalk> holes_;  // What is left of it, after hole_.
  std::optional<BlockRun> hole_;
  const DirtyMap* free_;  // Null after its last.
  std::optional<BlockRun> free_run_;
};

}  // namespace ebb
