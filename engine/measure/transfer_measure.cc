// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/transfer_measure.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "devmap/core/limits.h"

namespace ebb {

std::optional<ByteRun> Course::next(ByteCount piece) {
  for (std::size_t tried = 0; tried <= runs_.size() && !runs_.empty(); ++tried) {
    const ByteRun run = runs_[run_];
    if (run.length() >= used_ + piece) {
      const ByteRun found = ByteRun::of(run.begin + used_, piece);
      used_ += piece;
      return found;
    }
    run_ = (run_ + 1) % runs_.size();
    used_ = {};
  }
  return std::nullopt;
}

bool Course::fits(ByteCount piece) const {
  return std::ranges::any_of(runs_, [&](const ByteRun& run) { return run.length() >= piece; });
}

namespace {

// Keeps transfers under way until it is told to stop.
class Traffic {
 public:
  Traffic(Loop& loop, Medium& medium, Course& course, MutableBytes memory, TransferPlan plan)
      : loop_(loop), medium_(medium), course_(course), plan_(plan) {
    EBB_CHECK(memory.size() >= plan.piece.size() * plan.depth, "no memory for so many transfers");
    for (unsigned i = 0; i < plan.depth; ++i) {
      auto one = std::make_unique<One>();
      one->traffic = this;
      one->way = plan.way;
      one->data = memory.subspan(i * plan.piece.size(), plan.piece.size());
      one->settled = [](Transfer& transfer, Result<void> result) {
        static_cast<One&>(transfer).traffic->settled(static_cast<One&>(transfer),
                                                     std::move(result));
      };
      free_.push_back(one.get());
      all_.push_back(std::move(one));
    }
  }

  void start() {
    while (!free_.empty() && !trouble_) {
      const auto place = course_.next(plan_.piece);
      if (!place) {
        trouble_ =
            Error::invalid("there is no stretch of {} bytes to read or write", plan_.piece.value());
        return;
      }
      One& one = *free_.back();
      free_.pop_back();
      one.at = place->begin;
      ++under_way_;
      medium_.start(one);
    }
  }
  // The kernel has the memory until everything settled, so an error of the loop may not leave it.
  void turn() {
    const auto ran = loop_.run_once();
    EBB_CHECK(ran.has_value(), "the ring failed while transfers were under way");
    ++turns_;
  }
  void settle() {
    while (under_way_ > 0) turn();
  }

  std::uint64_t moved() const { return moved_; }
  std::uint64_t turns() const { return turns_; }
  const std::optional<Error>& trouble() const { return trouble_; }

 private:
  struct One : Transfer {
    Traffic* traffic = nullptr;
  };
  void settled(One& one, Result<void> result) {
    --under_way_;
    free_.push_back(&one);
    if (result) {
      ++moved_;
    } else if (!trouble_) {
      trouble_ =
          result.error().during("{} {} bytes at {}", plan_.way == Way::read ? "reading" : "writing",
                                one.data.size(), one.at.value());
    }
  }

  Loop& loop_;
  Medium& medium_;
  Course& course_;
  TransferPlan plan_;
  std::vector<std::unique_ptr<One>> all_;
  std::vector<One*> free_;
  unsigned under_way_ = 0;
  std::uint64_t moved_ = 0;
  std::uint64_t turns_ = 0;
  std::optional<Error> trouble_;
};

}  // namespace

Result<TransferFigure> measure_transfers(const MeasureWorld& world, Loop& loop, Medium& medium,
                                         Course& course, MutableBytes memory, TransferPlan plan) {
  EBB_CHECK(plan.way == Way::read || plan.way == Way::write, "only these move bytes");
  TRY(unless_interrupted(world.stop));
  Traffic traffic(loop, medium, course, memory, plan);
  const Stopwatch watch(world.clock);
  traffic.start();
  while (!traffic.trouble() && !world.stop.raised()) {
    traffic.turn();
    if (watch.seconds() >= world.seconds) break;
    traffic.start();
  }
  traffic.settle();
  if (traffic.trouble()) return fail(*traffic.trouble());
  if (plan.way == Way::write) TRY(sync_and_wait(loop, medium));
  TransferFigure result{plan, {}, traffic.turns()};
  watch.stop(result.figure);
  TRY(unless_interrupted(world.stop));
  result.figure.operations = traffic.moved();
  result.figure.bytes = plan.piece * traffic.moved();
  return result;
}

Result<SyncFigure> measure_sync(const MeasureWorld& world, Loop& loop, Medium& medium,
                                MutableBytes memory) {
  const MutableBytes page = memory.first(limits::io_alignment.size());
  std::vector<double> each;
  const Stopwatch watch(world.clock);
  double now = 0;
  do {
    TRY(unless_interrupted(world.stop));
    TRY(write_and_wait(loop, medium, ByteIndex(0), page));
    TRY(sync_and_wait(loop, medium));
    const double before = std::exchange(now, watch.seconds());
    each.push_back(now - before);
  } while (now < world.seconds);
  SyncFigure result;
  watch.stop(result.figure);
  result.figure.operations = each.size();
  result.figure.bytes = ByteCount(page.size()) * each.size();
  std::ranges::sort(each);
  result.median_seconds = each[each.size() / 2];
  result.p99_seconds = each[(each.size() - 1) * 99 / 100];
  return result;
}

}  // namespace ebb
