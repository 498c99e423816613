// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/verify.h"

#include <algorithm>

namespace ebb {

namespace {

class CheckingVisitor final : public RecordVisitor {
 public:
  CheckingVisitor(RecordCheck check, RecordOpener* opener, BlockGrid grid, VerifyReport& report)
      : check_(check), opener_(opener), grid_(grid), report_(report) {
    EBB_CHECK(check == RecordCheck::sound || opener != nullptr, "opening needs an opener");
  }
  void walked_by(RecordWalk& walk) { walk_ = &walk; }

  Result<void> prepare(RecordBatch& batch) override {
    return opener_ == nullptr ? Result<void>() : opener_->prepare(batch);
  }
  void look_at(RecordBatch& batch, unsigned worker) override {
    if (check_ == RecordCheck::opened) {
      opener_->open(batch, worker, grid_);
    } else {
      check_records(batch);
    }
  }
  Result<void> arrived(RecordBatch& batch) override {
    report_.checked += BlockCount(batch.records.size());
    for (const Bytes& raw : batch.raw) report_.read += ByteCount(raw.size());
    for (Damage& damage : batch.damages) report_.damages.push_back(std::move(damage));
    walk_->release(batch);
    return {};
  }

 private:
  RecordCheck check_;
  RecordOpener* opener_;
  BlockGrid grid_;
  VerifyReport& report_;
  RecordWalk* walk_ = nullptr;
};

}  // namespace

void join_neighbours(std::vector<Damage>& damages) {
  std::ranges::stable_sort(damages, {}, [](const Damage& d) { return d.blocks.begin; });
  std::vector<Damage> joined;
  for (Damage& damage : damages) {
    const bool goes_on = !joined.empty() && !damage.blocks.empty() &&
                         joined.back().blocks.end == damage.blocks.begin &&
                         joined.back().what == damage.what && !joined.back().place && !damage.place;
    if (goes_on) {
      joined.back().blocks.end = damage.blocks.end;
    } else {
      joined.push_back(std::move(damage));
    }
  }
  damages = std::move(joined);
}

Result<VerifyReport> verify_records(const VerifyWorld& world, const Point& point, RecordCheck check,
                                    RecordOpener* opener, const BlocksWanted& wanted) {
  VerifyReport report;
  report.blocks = point.grid.count();
  PointBlocks blocks(world.source, point);
  CheckingVisitor visitor(check, opener, point.grid, report);
  RecordWalk walk({world.source, world.loop, world.workers, world.arena, world.stop}, visitor,
                  point.grid.block());
  visitor.walked_by(walk);
  const BlockIndex end(report.blocks.value());
  for (BlockIndex at; at < end;) {
    const BlockRun run = next_wanted(wanted, at, blocks.window_size(), end);
    if (!run.empty() && !TRY(blocks.is_zero(run))) {
      BlockWindow window = TRY(blocks.window(run, wanted.block));
      for (Damage& damage : window.damages) report.damages.push_back(std::move(damage));
      TRY(walk.run(window.wanted));
    }
    at = run.end;
    const ByteRun done = point.grid.bytes_of(BlockRun{BlockIndex(0), at});
    world.observer.progress({check == RecordCheck::sound ? "proving" : "verifying",
                             done.length(),
                             point.grid.size(),
                             {}});
  }
  join_neighbours(report.damages);
  return report;
}

Result<VerifyReport> verify_against(const VerifyWorld& world, const Point& point,
                                    const PointAbout& about, BlockDevice& device,
                                    const IdKey& id_key) {
  VerifyReport report;
  report.blocks = point.grid.count();
  if (device.shape().size < point.grid.size()) {
    return fail(Error::mismatch("the device has {} bytes, the point {}",
                                device.shape().size.value(), point.grid.size().value()));
  }
  PointBlocks blocks(world.source, point);
  const auto compare = TRY(Compare::make(
      {device, world.loop, world.workers, world.arena, id_key, world.stop}, point.grid));
  const BlockIndex end(report.blocks.value());
  for (BlockIndex at; at < end;) {
    const BlockRun run{at, std::min(at + blocks.window_size(), end)};
    const auto expected = TRY(blocks.prints(run, report.damages));
    const auto differs = TRY(compare->run(run, expected));
    for (std::size_t i = 0; i < differs.size(); ++i) {
      if (differs[i] == 0) continue;
      if (!about.left_out.none() && expected[i] && expected[i]->is_zero()) {
        report.left_out += BlockCount(1);
        continue;
      }
      report.damages.push_back({"the device differs from the point", std::nullopt,
                                BlockRun::of(run.begin + BlockCount(i), BlockCount(1))});
    }
    join_neighbours(report.damages);
    at = run.end;
    report.checked += run.length();
    report.read += point.grid.bytes_of(run).length();
    world.observer.progress({"comparing",
                             point.grid.bytes_of(BlockRun{BlockIndex(0), at}).length(),
                             point.grid.size(),
                             {}});
  }
  return report;
}

}  // namespace ebb
