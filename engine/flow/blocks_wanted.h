// SPDX-License-Identifier: Apache-2.0
// blocks_wanted.h - which blocks of a point are to be looked at.
//
// Whoever walks a point asks for a segment's run first: where nothing is wanted no page of the map
// is read, so a walk costs what is wanted and not what the volume has.
#pragma once

#include <functional>
#include <span>

#include "devmap/core/random.h"
#include "devmap/dirty_map.h"
#include "engine/flow/damage.h"
#include "engine/flow/extent_source.h"

namespace ebb {

// Both are asked in the order of the blocks.
struct BlocksWanted {
  std::function<bool(BlockIndex)> block;
  // False only when no block of the run is wanted. The run lies within a segment.
  std::function<bool(BlockRun)> any_of = [](BlockRun) { return true; };
};

BlocksWanted all_blocks();
// About so many percent, chosen at random.
BlocksWanted some_blocks(double percent, Random& random);
// Those that the map marks; it outlives them.
BlocksWanted marked_blocks(const DirtyMap& map);
// The blocks of `now` that are not what `before`, which was looked at with these damages, has at
// the same place, or are damaged there: what has to be looked at when `before` was. The source
// outlives it; of segments that both points share it reads nothing, of the others it reads each map
// once.
BlocksWanted blocks_not_looked_at_with(ExtentSource& source, const Point& before,
                                       std::span<const Damage> damages, const Point& now);

// The next run from `at` on, at most so long, of segments (or parts of one) of which something may
// be wanted; empty at `end` when there is none.
BlockRun next_wanted(const BlocksWanted& wanted, BlockIndex at, BlockCount longest, BlockIndex end);

}  // namespace ebb
