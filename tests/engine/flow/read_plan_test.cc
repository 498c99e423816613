// SPDX-License-Identifier: Apache-2.0
// read_plan_test.cc - what a run reads of what was called changed and clean.
#include "engine/flow/read_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/seed.h"

namespace ebb {
namespace {

class ReadPlanTest : public testing::Test {
 protected:
  BlockGrid grid(std::uint64_t blocks) const {
    return BlockGrid(BlockSize::standard().bytes() * blocks, BlockSize::standard());
  }
  static std::set<std::uint64_t> read(const ReadPlan& plan) {
    std::set<std::uint64_t> all;
    BlockIndex at(0);
    while (const auto run = plan.next(at, BlockCount(7))) {
      for (BlockIndex i = run->begin; i < run->end; i += BlockCount(1)) all.insert(i.value());
      at = run->end;
    }
    return all;
  }
  const std::unique_ptr<Random> random_ = seeded_random(test::test_seed());
};

TEST_F(ReadPlanTest, OfEverythingReadsEverything) {
  EXPECT_EQ(read(ReadPlan::everything(grid(100))).size(), 100u);
}

TEST_F(ReadPlanTest, ReadsWhatChangedAndAsMuchOfTheRestAsThePolicySays) {
  for (int round = 0; round < 50; ++round) {
    const std::uint64_t blocks = 1 + random_->below(5000);
    DirtyMap changed = DirtyMap::clean(grid(blocks));
    std::set<std::uint64_t> dirty;
    for (std::uint64_t i = random_->below(blocks + 1); i > 0; --i) {
      const std::uint64_t block = random_->below(blocks);
      changed.mark(BlockRun::of(BlockIndex(block), BlockCount(1)));
      dirty.insert(block);
    }
    const std::uint64_t wanted = random_->below(100);
    const auto plan =
        ReadPlan::of(changed, nullptr, {0, wanted, wanted, ByteCount()}, BlockIndex(0), *random_);
    const auto seen = read(plan);
    const std::uint64_t clean = blocks - dirty.size();
    EXPECT_EQ(plan.audit().clean, clean);
    EXPECT_EQ(plan.audit().sampled, std::min(wanted, clean));
    EXPECT_EQ(seen.size(), dirty.size() + std::min(wanted, clean));
    for (const std::uint64_t block : seen) {
      EXPECT_NE(dirty.contains(block), plan.is_audited(BlockIndex(block)));
    }
    for (const std::uint64_t block : dirty) EXPECT_TRUE(seen.contains(block));
  }
}

TEST_F(ReadPlanTest, TheSampleFallsOnEveryCleanBlock) {
  constexpr std::uint64_t blocks = 64;
  std::set<std::uint64_t> seen;
  for (int round = 0; round < 400; ++round) {
    const auto plan = ReadPlan::of(DirtyMap::clean(grid(blocks)), nullptr, {0, 4, 4, ByteCount()},
                                   BlockIndex(0), *random_);
    for (const std::uint64_t block : read(plan)) seen.insert(block);
  }
  EXPECT_EQ(seen.size(), blocks);
}

TEST_F(ReadPlanTest, TheSliceGoesRound) {
  const BlockGrid all = grid(100);
  const AuditPolicy policy{0, 0, 0, BlockSize::standard().bytes() * 30, 1};
  std::set<std::uint64_t> seen;
  BlockIndex begin(0);
  for (int run = 0; run < 4; ++run) {
    const auto plan = ReadPlan::of(DirtyMap::clean(all), nullptr, policy, begin, *random_);
    for (const std::uint64_t block : read(plan)) seen.insert(block);
    begin = plan.slice_end();
  }
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(begin, BlockIndex(20));
  // Of a small device it is a part, too.
  const AuditPolicy parts{0, 0, 0, 1_GiB, 10};
  EXPECT_EQ(ReadPlan::of(DirtyMap::clean(all), nullptr, parts, BlockIndex(0), *random_).slice_end(),
            BlockIndex(10));
  // A place of a former, larger device is begun anew.
  EXPECT_EQ(
      ReadPlan::of(DirtyMap::clean(all), nullptr, policy, BlockIndex(500), *random_).slice_end(),
      BlockIndex(30));
}

TEST_F(ReadPlanTest, SaysHowSureItsSampleMakes) {
  Audit audit{65'536, 655, 0};
  EXPECT_NEAR(audit.bound(), 0.007, 0.0001);
  EXPECT_EQ(audit.text(),
            "655 of 65536 clean blocks read again: 99 % sure that fewer than 0.7 % were missed");
  audit.sampled = audit.clean;
  EXPECT_EQ(audit.bound(), 0);
}

}  // namespace
}  // namespace ebb
