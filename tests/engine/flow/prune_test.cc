// SPDX-License-Identifier: Apache-2.0
// prune_test.cc - which points a prune removes, and what nobody can make it remove.
#include "engine/flow/prune.h"

#include <gtest/gtest.h>

#include "engine/repo/minimum_age.h"
#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds day = 24h;

class Prune : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 6; ++i) back_up_on_day(i, "disk");
  }
  WallTime on_day(int n) {
    return {1'767'225'600'000'000'000 + n * std::chrono::nanoseconds(day).count()};
  }
  void back_up_on_day(int n, const std::string& volume) {
    world_.set_time(on_day(n));
    disk_.change();
    const auto device = disk_.device(world_.loop());
    FlowWorld::BackupWishes wishes;
    wishes.volume = volume;
    const auto report = world_.backup(*device, wishes);
    ASSERT_TRUE(report) << report.error().text();
    made_.push_back(report->point);
  }
  // In the first of the file's two copies.
  void flip(const std::string& file) {
    const std::byte flipped = world_.folder().content(file)[40] ^ std::byte{0x10};
    world_.folder().overwrite(file, ByteIndex(40), Bytes(&flipped, 1));
  }
  Repository& repository() { return **world_.repository(); }
  static layout::PointName name_of(const SignedPoint& point) {
    return {point.point.volume, point.point.sequence, point.id};
  }
  std::vector<std::uint64_t> sequences(const VolumeId& volume) {
    std::vector<std::uint64_t> all;
    const auto names = repository().point_names();
    EXPECT_TRUE(names);
    for (const layout::PointName& name : *names) {
      if (name.volume == volume) all.push_back(name.sequence);
    }
    return all;
  }
  std::vector<std::uint64_t> sequences() { return sequences(made_.front().point.volume); }
  using Sequences = std::vector<std::uint64_t>;
  using FlowWorld = test::FlowWorld;

  std::unique_ptr<Random> random_ = test::test_random();
  FlowWorld world_{random_->next_u64()};
  test::StampedDisk disk_{*random_, 300_KiB};
  std::vector<SignedPoint> made_;
};

TEST_F(Prune, RemovesWhatNoRuleKeepsAndIsDurable) {
  const auto removed = world_.prune({.daily = 2});
  ASSERT_TRUE(removed) << removed.error().text();
  EXPECT_EQ(*removed, 4u);
  world_.crash();
  EXPECT_EQ(sequences(), (Sequences{5, 6}));
  EXPECT_EQ(*world_.prune({.daily = 2}), 0u);
}

TEST_F(Prune, GoesByARuleOfEachVolumeAndKeepsAllOfThoseWithout) {
  for (int i = 6; i < 9; ++i) back_up_on_day(i, "other");
  const VolumeId other = made_.back().point.volume;
  PruneRequest request;
  request.rule = {.last = 1};  // Counts for nobody.
  request.of_volumes = {{{other, {.last = 2}}}};
  const auto plan = plan_prune(repository(), request, world_.time());
  ASSERT_TRUE(plan);
  std::uint64_t breaths = 0;
  const auto breathe = [&]() -> Result<void> {
    ++breaths;
    return {};
  };
  EXPECT_EQ(*carry_out(repository(), *plan, world_.time(), StopFlag(), breathe), 1u);
  EXPECT_EQ(breaths, 2u);
  EXPECT_EQ(sequences(other), (Sequences{2, 3}));
  EXPECT_EQ(sequences().size(), 6u);
}

TEST_F(Prune, JudgesEachVolumeByItselfAndOnlyTheOneThatIsNamed) {
  for (int i = 6; i < 9; ++i) back_up_on_day(i, "other");
  const VolumeId other = made_.back().point.volume;
  const auto plan = plan_prune(repository(), {{.last = 1}, 0s, other}, world_.time());
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->points.size(), 3u);
  ASSERT_TRUE(carry_out(repository(), *plan, world_.time(), StopFlag()));
  EXPECT_EQ(sequences(other), (Sequences{3}));
  EXPECT_EQ(sequences().size(), 6u);
}

TEST_F(Prune, GoesByTheArrivalAndNotByWhatTheSourceSays) {
  // The clock of the source goes by seconds, that of the repository's host by days.
  EXPECT_LT(made_.back().point.created.nanoseconds - made_.front().point.created.nanoseconds,
            std::chrono::nanoseconds(day).count());
  ASSERT_TRUE(world_.prune({.daily = 3}));
  EXPECT_EQ(sequences(), (Sequences{4, 5, 6}));
}

TEST_F(Prune, RemovesADamagedPointAsAnyOther) {
  const std::string file = name_of(made_[1]).path();
  const ByteVector noise(world_.folder().content(file).size(), std::byte{0x55});
  world_.folder().overwrite(file, ByteIndex(0), noise);
  ASSERT_TRUE(world_.prune({.last = 2}));
  EXPECT_EQ(sequences(), (Sequences{5, 6}));
}

TEST_F(Prune, LeavesThePointThatARunningBackupBuildsOn) {
  {
    const auto run = repository().open_runs().run_begins({{}, made_[2].id});
    // A plan from before the run began does not remove it either.
    PrunePlan plan = *plan_prune(repository(), {{.last = 1}, 0s, {}}, world_.time());
    for (PointVerdict& verdict : plan.points) verdict.keep = verdict.reason == "last 1";
    EXPECT_EQ(*carry_out(repository(), plan, world_.time(), StopFlag()), 4u);
    EXPECT_EQ(sequences(), (Sequences{3, 6}));
    const layout::PointName name = name_of(made_[2]);
    EXPECT_EQ(repository().remove_points({&name, 1}, world_.time()).error().kind(),
              ErrorKind::busy);
  }
  EXPECT_EQ(*world_.prune({.last = 1}), 1u);
}

TEST_F(Prune, NeverRemovesTheNewest) {
  const layout::PointName newest = name_of(made_.back());
  EXPECT_EQ(repository().remove_points({&newest, 1}, world_.time()).error().kind(),
            ErrorKind::denied);
  ASSERT_TRUE(world_.prune({.yearly = 1}));
  EXPECT_EQ(sequences(), (Sequences{6}));
}

class MinimumAgeOfARepository : public Prune {
 protected:
  Result<void> raise(std::chrono::seconds age) {
    return raise_minimum_age(repository().objects(), repository().config().id, age, world_.time());
  }
};

TEST_F(MinimumAgeOfARepository, IsNotShortenedByAnybody) {
  ASSERT_TRUE(raise(day * 3));
  EXPECT_EQ(raise(day * 2).error().kind(), ErrorKind::denied);
  EXPECT_EQ(raise(0s).error().kind(), ErrorKind::denied);
  ASSERT_TRUE(raise(day * 3));
  world_.crash();
  // The last one came now, the others one, two, three days ago.
  ASSERT_TRUE(world_.prune({.last = 1}, 1s));
  EXPECT_EQ(sequences(), (Sequences{4, 5, 6}));
  ASSERT_TRUE(raise(day * 30));
  world_.set_time(on_day(20));
  EXPECT_EQ(*world_.prune({.last = 1}), 0u);
}

TEST_F(MinimumAgeOfARepository, HoldsForWhoeverAsksToRemoveAPoint) {
  ASSERT_TRUE(raise(day * 3));
  const std::vector<layout::PointName> names{name_of(made_[0]), name_of(made_[4])};
  EXPECT_EQ(repository().remove_points(names, world_.time()).error().kind(), ErrorKind::denied);
  EXPECT_EQ(sequences().size(), 6u) << "none of them has gone";
  EXPECT_TRUE(repository().remove_points(std::span(names).first(1), world_.time()));
}

TEST_F(MinimumAgeOfARepository, ThatCannotBeReadLetsNothingGo) {
  ASSERT_TRUE(raise(1s));
  const std::size_t size = world_.folder().content(layout::minimum_age).size();
  world_.folder().overwrite(layout::minimum_age, ByteIndex(0), ByteVector(size, std::byte{1}));
  EXPECT_EQ(world_.prune({.last = 1}).error().kind(), ErrorKind::damaged);
  EXPECT_EQ(raise(day).error().kind(), ErrorKind::damaged);
  EXPECT_EQ(sequences().size(), 6u);
}

TEST_F(MinimumAgeOfARepository, IsMendedByAScrub) {
  ASSERT_TRUE(raise(day * 3));
  flip(layout::minimum_age);
  const auto scrubbed = world_.scrub(ScrubMode::repair);
  ASSERT_TRUE(scrubbed);
  EXPECT_EQ(scrubbed->findings.size(), 1u);
  EXPECT_EQ(*read_minimum_age(repository().objects(), repository().config().id), day * 3);
}

// Else an old point would count as of today, where a newer one is kept.
TEST_F(Prune, APointThatWasMendedIsAsOldAsBefore) {
  const std::string file = name_of(made_[2]).path();
  flip(file);  // And it is mended on the day of the newest.
  const auto scrubbed = world_.scrub(ScrubMode::repair);
  ASSERT_TRUE(scrubbed);
  ASSERT_EQ(scrubbed->findings.size(), 1u);
  ASSERT_TRUE(scrubbed->findings.front().mended);
  ASSERT_TRUE(world_.prune({.daily = 4}));
  EXPECT_EQ(sequences(), (Sequences{3, 4, 5, 6}));
}

}  // namespace
}  // namespace ebb
