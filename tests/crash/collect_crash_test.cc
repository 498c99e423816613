// SPDX-License-Identifier: Apache-2.0
// collect_crash_test.cc - the machine dies after the n-th operation of a prune or a collection.
//
// Every point that stays is whole wherever that was, the next backup works, and another run
// finishes the job: then nothing lies twice and nothing unneeded lies there.
#include <gtest/gtest.h>

#include "tests/crash/repository_crash.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::Known;
using test::RepositoryCrash;

class CollectCrash : public RepositoryCrash {
 protected:
  // Some packs that no point needs, some that are needed in part.
  CollectCrash() {
    disk_.write(0, disk_.sectors());
    back_up_base();
    for (int i = 0; i < 3; ++i) {
      disk_.write(random_->below(disk_.sectors()), 600);
      back_up_base();
    }
  }
  void prune_base(std::uint32_t kept) {
    ASSERT_TRUE(base_.prune({.last = kept}));
    known_.erase(known_.begin(), known_.end() - kept);
  }
  static CollectRequest everything() { return {.rewrite_from = 0}; }

  void expect_another_run_finishes(FlowWorld& world) {
    const auto again = world.collect(everything());
    ASSERT_TRUE(again) << again.error().text();
    ASSERT_TRUE(again->obstacles.empty()) << again->obstacles.front().what;
    ASSERT_EQ(again->packs_left, 0u);
    ASSERT_TRUE(test::names_that_lie_twice(world.folder(), world.loop()).empty());
    world.close();
    const auto last = world.collect(everything());
    ASSERT_TRUE(last);
    ASSERT_EQ(last->packs_unneeded + last->packs_sparse + last->envelopes_removed, 0u);
    for (const std::string& file : world.folder().all_files()) {
      ASSERT_FALSE(file.starts_with("tmp/")) << file;
    }
  }
};

TEST_F(CollectCrash, EveryPointIsWholeWhereverACollectionIsStopped) {
  prune_base(2);
  for_every_stop(
      4, [&](FlowWorld& world) { return world.collect(everything()).has_value(); },
      [&](FlowWorld& world, bool finished) {
        expect_whole(world, nullptr);
        if (HasFatalFailure()) return;
        if (finished) {
          ASSERT_EQ(world.collect(everything())->packs_removed, 0u) << "it is undone";
        }
        expect_another_run_finishes(world);
        if (HasFatalFailure()) return;
        expect_whole(world, nullptr);
        if (HasFatalFailure()) return;
        expect_next_backup_works(world);
      });
}

// A backup relies on what the crash left; what it relies on must stay.
TEST_F(CollectCrash, ABackupAndACollectionAfterTheCrashLoseNothing) {
  prune_base(2);
  for_every_stop(
      2, [&](FlowWorld& world) { return world.collect(everything()).has_value(); },
      [&](FlowWorld& world, bool) {
        const auto device = disk_.device(world.loop());
        const auto next = world.backup(*device, wishes_);
        ASSERT_TRUE(next) << next.error().text();
        expect_another_run_finishes(world);
        if (HasFatalFailure()) return;
        expect_holds(world, {next->point, copy_of(disk_.content())});
        for (const Known& known : known_) expect_holds(world, known);
      });
}

TEST_F(CollectCrash, APruneRemovesWhatItWasToldToAndNoMore) {
  const std::vector<Known> all = known_;
  for_every_stop(
      4, [&](FlowWorld& world) { return world.prune({.last = 2}).has_value(); },
      [&](FlowWorld& world, bool finished) {
        const auto points = world.points();
        ASSERT_TRUE(points) << points.error().text();
        if (finished) {
          ASSERT_EQ(points->size(), 2u);
        }
        // Any of them may be gone, but for those that stay.
        ASSERT_GE(points->size(), 2u);
        for (const SignedPoint& point : *points) {
          const auto known =
              std::ranges::find(all, point.id, [](const Known& k) { return k.point.id; });
          ASSERT_NE(known, all.end());
          expect_holds(world, *known);
        }
        ASSERT_EQ(points->back().id, all.back().point.id);
        ASSERT_TRUE(world.prune({.last = 2}));
        ASSERT_EQ(world.points()->size(), 2u);
        expect_another_run_finishes(world);
        if (HasFatalFailure()) return;
        for (const Known& known : std::span(all).last(2)) expect_holds(world, known);
      });
}

// Over and over, and never is one let finish.
TEST_F(CollectCrash, CollectionsThatDieOneAfterTheOtherLoseNothing) {
  prune_base(3);
  for (int story = 0; story < 8; ++story) {
    const auto world = base_.twin(random_->next_u64());
    for (int death = 0; death < 12; ++death) {
      world->folder().stop_after(world->folder().operations() + random_->below(40));
      static_cast<void>(world->collect(everything()));
      world->crash();
    }
    expect_whole(*world, nullptr);
    if (HasFatalFailure()) return;
    expect_another_run_finishes(*world);
    if (HasFatalFailure()) return;
    expect_next_backup_works(*world);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace ebb
