// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/blocks_wanted.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "engine/flow/point_blocks.h"

namespace ebb {

namespace {

// Whether a block is the same in two points, a segment at a time.
class SameInBoth {
 public:
  SameInBoth(ExtentSource& source, const Point& before, const Point& now)
      : before_(source, before), now_(source, now) {}

  bool is_same(BlockIndex block) {
    if (!loaded_.contains(block)) load(block);
    return same_[(block - loaded_.begin).size()];
  }

  // Known without reading what is below the two segments' names. Of a segment in which one of them
  // ends, they need different blocks.
  bool shares_segment_of(BlockIndex block) {
    const std::uint64_t segment = block.value() / blocks_in_segment;
    const BlockIndex end((segment + 1) * blocks_in_segment);
    const BlockIndex first_end = std::min(before_.grid().all().end, now_.grid().all().end);
    if (before_.grid().count() != now_.grid().count() && end > first_end) return false;
    const auto before = before_.segment_digest(segment);
    const auto now = now_.segment_digest(segment);
    return before && now && *before == *now;
  }

 private:
  // What cannot be read of a map is not the same.
  void load(BlockIndex block) {
    const BlockIndex begin(round_down(block.value(), blocks_in_segment));
    loaded_ = BlockRun::of(begin, BlockCount(blocks_in_segment)).shared_with(now_.grid().all());
    same_.assign(loaded_.length().size(), false);
    const BlockRun both = loaded_.shared_with(before_.grid().all());
    std::vector<Damage> ignored;
    const auto before = before_.prints(both, ignored);
    const auto now = now_.prints(both, ignored);
    for (std::size_t i = 0; before && now && i < both.length().size(); ++i) {
      same_[i] = (*before)[i].has_value() && (*before)[i] == (*now)[i];
    }
  }

  PointBlocks before_;
  PointBlocks now_;
  BlockRun loaded_;
  std::vector<bool> same_;
};

}  // namespace

BlocksWanted all_blocks() {
  return {[](BlockIndex) { return true; }};
}

BlocksWanted some_blocks(double percent, Random& random) {
  constexpr std::uint64_t parts = 1'000'000;
  const auto chosen = static_cast<std::uint64_t>(percent * (parts / 100.0));
  if (chosen >= parts) return all_blocks();
  return {[chosen, &random](BlockIndex) { return random.below(parts) < chosen; }};
}

BlocksWanted marked_blocks(const DirtyMap& map) {
  return {[&map](BlockIndex block) { return map.dirty(block); },
          [&map](BlockRun run) { return !map.dirty_count(run).none(); }};
}

BlocksWanted blocks_not_looked_at_with(ExtentSource& source, const Point& before,
                                       std::span<const Damage> damages, const Point& now) {
  if (before.grid.block() != now.grid.block()) return all_blocks();
  std::shared_ptr<DirtyMap> damaged;
  if (!damages.empty()) damaged = std::make_shared<DirtyMap>(DirtyMap::clean(now.grid));
  for (const Damage& damage : damages) damaged->mark(damage.blocks.shared_with(now.grid.all()));
  const auto same = std::make_shared<SameInBoth>(source, before, now);
  return {
      [=](BlockIndex block) { return !same->is_same(block) || (damaged && damaged->dirty(block)); },
      [=](BlockRun run) {
        return !same->shares_segment_of(run.begin) ||
               (damaged && !damaged->dirty_count(run).none());
      }};
}

BlockRun next_wanted(const BlocksWanted& wanted, BlockIndex at, BlockCount longest,
                     BlockIndex end) {
  const auto part = [&](BlockIndex from, BlockIndex last) {
    const BlockIndex segment_end(round_down(from.value(), blocks_in_segment) + blocks_in_segment);
    return BlockRun{from, std::min({segment_end, last, end})};
  };
  while (at < end && !wanted.any_of(part(at, end))) at = part(at, end).end;
  const BlockIndex begin = at;
  const BlockIndex last = std::min(begin + longest, end);
  while (at < last && wanted.any_of(part(at, last))) at = part(at, last).end;
  return {begin, at};
}

}  // namespace ebb
