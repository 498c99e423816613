// SPDX-License-Identifier: Apache-2.0
// repository_crash.h - a repository with two points of a disk, and work on it that is stopped after
// the n-th operation on its folder, for every n.
//
// Whatever no sync covers is kept, dropped or torn at random. Random contents and fates come from
// the test's seed, which is printed with each stop.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb::test {

struct Known {
  SignedPoint point;
  ByteVector content;
};

class RepositoryCrash : public testing::Test {
 protected:
  RepositoryCrash()
      : random_(test_random()),
        base_(random_->next_u64()),
        disk_(*random_, 1_MiB + ByteCount(5000)) {
    wishes_.block_size = *BlockSize::of(16_KiB);
    for (int i = 0; i < 2; ++i) {
      disk_.write(random_->below(disk_.sectors()), 300);
      disk_.zero(random_->below(disk_.sectors()), 200);
      back_up_base();
    }
  }
  void back_up_base() {
    const auto device = disk_.device(base_.loop());
    auto report = base_.backup(*device, wishes_);
    ASSERT_TRUE(report) << report.error().text();
    known_.push_back({std::move(report->point), copy_of(disk_.content())});
  }

  static void expect_holds(FlowWorld& world, const Known& known) {
    const ByteVector other(known.content.size(), std::byte{0xee});
    const auto target = memory_device(world.loop(), other);
    const auto restored = world.restore(known.point, *target);
    ASSERT_TRUE(restored) << restored.error().text();
    const auto wrong = first_wrong_sector(known.content, Bytes(target->content()));
    ASSERT_FALSE(wrong) << *wrong;
  }
  // All known points are there and restore; says whether there is one more, which must too.
  void expect_whole(FlowWorld& world, const Known* newer) {
    const auto points = world.points();
    ASSERT_TRUE(points) << points.error().text();
    newer_is_there_ = points->size() > known_.size();
    ASSERT_LE(points->size(), known_.size() + 1);
    ASSERT_GE(points->size(), known_.size());
    for (std::size_t i = 0; i < known_.size(); ++i) {
      ASSERT_EQ((*points)[i].id, known_[i].point.id);
      expect_holds(world, known_[i]);
      if (HasFatalFailure()) return;
    }
    if (newer_is_there_) expect_holds(world, {points->back(), newer->content});
    if (HasFatalFailure()) return;
    const auto look = world.scrub(ScrubMode::look);
    ASSERT_TRUE(look) << look.error().text();
    ASSERT_TRUE(look->sound()) << (look->findings.empty() ? look->points.front().damage.what
                                                          : look->findings.front().what);
  }
  // A backup after the crash, and what it made.
  void expect_next_backup_works(FlowWorld& world) {
    const auto device = disk_.device(world.loop());
    const auto next = world.backup(*device, wishes_);
    ASSERT_TRUE(next) << next.error().text();
    expect_holds(world, {next->point, copy_of(disk_.content())});
    ASSERT_TRUE(names_that_lie_twice(world.folder(), world.loop()).empty());
  }

  // Runs `work` on twins of the base, stopped after n operations for every n, with some seeds each;
  // `check(world, finished)` looks at what survived.
  template <class Work, class Check>
  void for_every_stop(int seeds, const Work& work, const Check& check) {
    std::uint64_t stops = 0;
    for (std::uint64_t n = 0;; ++n) {
      bool finished = false;
      for (int i = 0; i < seeds; ++i) {
        const std::uint64_t seed = random_->next_u64();
        SCOPED_TRACE(testing::Message() << "stopped after " << n << ", seed " << seed);
        const auto world = base_.twin(seed);
        world->folder().stop_after(n);
        finished = work(*world);
        const bool stopped = world->folder().stopped();
        ASSERT_TRUE(finished || stopped) << "it failed by itself";
        world->crash();
        check(*world, finished);
        if (HasFatalFailure()) return;
        // What was needed was not stopped, so this was the last n.
        finished = finished && !stopped;
        ++stops;
      }
      if (finished) break;
      ASSERT_LT(n, 2000u);
    }
    std::printf("stopped %llu times\n", static_cast<unsigned long long>(stops));
  }

  std::unique_ptr<Random> random_;
  FlowWorld base_;
  StampedDisk disk_;
  FlowWorld::BackupWishes wishes_;
  std::vector<Known> known_;
  bool newer_is_there_ = false;
};

}  // namespace ebb::test
