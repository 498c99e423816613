// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/difference_check.h"

#include <algorithm>

namespace ebb {

namespace {

Result<std::vector<std::optional<Fingerprint>>> all_prints(PointBlocks& blocks, BlockRun run) {
  std::vector<Damage> damages;
  auto prints = TRY(blocks.prints(run, damages));
  if (!damages.empty()) return fail(Error::damaged("{}", damages.front().what));
  return prints;
}

// What A has in the blocks of `run`; nothing past its end, where its last block may be short.
Result<std::vector<std::optional<Fingerprint>>> prints_of_a(PointBlocks& a, const Point& a_point,
                                                            ByteCount b_size, BlockRun run) {
  BlockIndex end = a.grid().all().end;
  if (a_point.grid.size() != b_size) {
    end = BlockIndex(a_point.grid.size().value() >> a_point.grid.block().shift());
  }
  auto prints = TRY(all_prints(a, {run.begin, std::clamp(end, run.begin, run.end)}));
  prints.resize(run.length().size(), std::nullopt);
  return prints;
}

Result<void> for_windows(PointBlocks& b, const std::function<Result<void>(BlockRun)>& visit) {
  const BlockIndex end = b.grid().all().end;
  for (BlockIndex at; at < end;) {
    const BlockRun run{at, std::min(at + b.window_size(), end)};
    TRY(visit(run));
    at = run.end;
  }
  return {};
}

}  // namespace

Result<DirtyMap> differing_blocks(DifferenceFile& file) {
  PointBlocks a(file, file.a().point);
  PointBlocks b(file, file.b().point);
  if (!(a.grid().block() == b.grid().block())) {
    return fail(Error::damaged("the file's points have blocks of different sizes"));
  }
  DirtyMap differing = DirtyMap::clean(b.grid());
  TRY(for_windows(b, [&](BlockRun run) -> Result<void> {
    const auto now = TRY(all_prints(b, run));
    const auto before = TRY(prints_of_a(a, file.a().point, b.grid().size(), run));
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (before[i] == now[i]) continue;
      differing.mark(BlockRun::of(run.begin + BlockCount(i), BlockCount(1)));
    }
    return {};
  }));
  return differing;
}

Result<void> prove_blocks(DifferenceFile& file, const VerifyWorld& world, RecordOpener& opener,
                          const DirtyMap& wanted) {
  const VerifyReport report = TRY(
      verify_records(world, file.b().point, RecordCheck::opened, &opener, marked_blocks(wanted)));
  if (report.damages.empty()) return {};
  return fail(Error::damaged("the file cannot give block {}: {}",
                             report.damages.front().blocks.begin.value(),
                             report.damages.front().what));
}

Result<DirtyMap> blocks_still_as_in_a(DifferenceFile& file, const VerifyWorld& world,
                                      BlockDevice& target, const IdKey& id_key) {
  PointBlocks a(file, file.a().point);
  PointBlocks b(file, file.b().point);
  DirtyMap still_a = DirtyMap::clean(b.grid());
  const auto compare = TRY(Compare::make(
      {target, world.loop, world.workers, world.arena, id_key, world.stop}, b.grid()));
  TRY(for_windows(b, [&](BlockRun run) -> Result<void> {
    const auto is_not_b = TRY(compare->run(run, TRY(all_prints(b, run))));
    auto expected = TRY(prints_of_a(a, file.a().point, b.grid().size(), run));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (is_not_b[i] == 0) expected[i].reset();
    }
    const auto is_not_a = TRY(compare->run(run, expected));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const BlockIndex block = run.begin + BlockCount(i);
      if (is_not_b[i] != 0) still_a.mark(BlockRun::of(block, BlockCount(1)));
      if (is_not_a[i] == 0) continue;
      return fail(
          Error::mismatch("the target does not hold point A ({}): its block {} is neither "
                          "as in A nor as in B",
                          file.a().id.hex().substr(0, 12), block.value()));
    }
    world.observer.progress({"checking",
                             b.grid().bytes_of(BlockRun{BlockIndex(0), run.end}).length(),
                             b.grid().size(),
                             {}});
    return {};
  }));
  return still_a;
}

}  // namespace ebb
