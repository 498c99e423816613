// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/skipped_blocks.h"

#include <algorithm>

namespace ebb {

Result<std::optional<BlockRun>> SkippedBlocks::next(BlockIndex from) {
  while (holes_ && (!hole_ || hole_->end <= from)) {
    const auto hole = TRY(holes_->next());
    hole_.reset();
    if (!hole) {
      holes_.reset();
      break;
    }
    const BlockRun blocks = grid_.blocks_within(*hole);
    if (!blocks.empty()) hole_ = blocks;
  }
  std::optional<BlockRun> first;
  if (hole_ && hole_->end > from) first = BlockRun{std::max(hole_->begin, from), hole_->end};
  if (free_ != nullptr && (!free_run_ || free_run_->end <= from)) {
    free_run_ = free_->next_dirty(from, grid_.count());
    if (!free_run_) free_ = nullptr;
  }
  if (!free_run_) return first;
  const BlockRun free{std::max(free_run_->begin, from), free_run_->end};
  return first && first->begin <= free.begin ? first : free;
}

}  // namespace ebb
