// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/in_place.h"

#include <algorithm>

#include "engine/flow/restore_plan.h"

namespace ebb {

Result<DirtyMap> blocks_to_write_in_place(const VerifyWorld& world, const Point& point,
                                          const PointAbout& about, BlockDevice& target,
                                          const IdKey& id_key) {
  const BlockGrid grid = point.grid;
  DirtyMap to_write = DirtyMap::clean(grid);
  PointBlocks blocks(world.source, point);
  const auto compare = TRY(
      Compare::make({target, world.loop, world.workers, world.arena, id_key, world.stop}, grid));
  // A smaller target may end in the middle of a block: that one is written as far as it goes.
  const BlockIndex end =
      grid.blocks_touching(grid.bytes_of(grid.all()).shared_with(target.all())).end;
  for (BlockIndex at; at < end;) {
    const BlockRun run{at, std::min(at + blocks.window_size(), end)};
    std::vector<Damage> met_when_they_are_wanted;
    auto expected = TRY(blocks.prints(run, met_when_they_are_wanted));
    std::vector<bool> unknown(expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const ByteRun bytes = grid.bytes_of(run.begin + BlockCount(i));
      if (!target.all().contains(bytes)) expected[i].reset();
      unknown[i] = !expected[i].has_value();
    }
    const auto differs = TRY(compare->run(run, std::move(expected)));
    for (std::size_t i = 0; i < differs.size(); ++i) {
      if (differs[i] == 0 && !unknown[i]) continue;
      to_write.mark(BlockRun::of(run.begin + BlockCount(i), BlockCount(1)));
    }
    at = run.end;
    world.observer.progress(
        {"comparing", grid.bytes_of(BlockRun{BlockIndex(0), at}).length(), grid.size(), {}});
  }
  for (const BlockRun& late : late_blocks(about, grid)) {
    to_write.mark({late.begin, std::max(late.begin, std::min(late.end, end))});
  }
  return to_write;
}

}  // namespace ebb
