// SPDX-License-Identifier: Apache-2.0
// What honest backups make is proven complete, whatever changed and was collected between them, and
// the proof costs what changed. What a liar gets: tests/wire/agent/commit_test.cc.
#include "engine/flow/point_proof.h"

#include <gtest/gtest.h>

#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

class ProofOfPoints : public testing::Test {
 protected:
  SignedPoint back_up(const StampedDisk& disk) {
    const auto device = disk.device(world_.loop());
    FlowWorld::BackupWishes wishes;
    wishes.block_size = *BlockSize::of(4_KiB);
    const auto made = world_.backup(*device, wishes);
    EBB_CHECK(made.has_value(), made ? "" : made.error().text());
    return made->point;
  }
  // How often the proof breathes: for each page and some names.
  unsigned breaths_to_prove(const SignedPoint& point) {
    unsigned breaths = 0;
    const auto proven =
        prove_complete(*world_.repository().value(), point.point, [&]() -> Result<void> {
          ++breaths;
          return {};
        });
    EXPECT_TRUE(proven) << proven.error().text();
    return breaths;
  }

  const std::unique_ptr<Random> random_ = test::test_random();
  FlowWorld world_{random_->next_u64()};
};

TEST_F(ProofOfPoints, HoldsForEveryGenerationOfADisk) {
  StampedDisk disk(*random_, ByteCount(20'000'000));
  for (int generation = 0; generation < 30; ++generation) {
    static_cast<void>(breaths_to_prove(back_up(disk)));
    for (std::uint64_t i = random_->below(20); i > 0; --i) disk.change();
    if (random_->below(6) == 0) disk.resize(ByteCount(15'000'000 + random_->below(20'000'000)));
    if (random_->below(4) == 0) {
      KeepRule rule;
      rule.last = 1;
      ASSERT_TRUE(world_.prune(rule));
      ASSERT_TRUE(world_.collect());
    }
  }
}

TEST_F(ProofOfPoints, CostsWhatChanged) {
  StampedDisk disk(*random_, 64_MiB);  // 16384 blocks, 4 segments of 64 leaves.
  EXPECT_GE(breaths_to_prove(back_up(disk)), 4u * 64 + 5 + 16384 / 256);
  disk.write(random_->below(disk.sectors()), 1);
  // The node, a segment, and what is left of a list of names.
  EXPECT_LE(breaths_to_prove(back_up(disk)), 4u);
}

TEST_F(ProofOfPoints, IsOfTheWholePointWhereTheOneBeforeIsGone) {
  StampedDisk disk(*random_, 16_MiB);
  const SignedPoint before = back_up(disk);
  disk.write(0, 1);
  const SignedPoint point = back_up(disk);
  const unsigned with_it = breaths_to_prove(point);
  KeepRule rule;
  rule.last = 1;
  ASSERT_EQ(world_.prune(rule).value(), 1u);
  EXPECT_GT(breaths_to_prove(point), with_it + 60);
}

TEST_F(ProofOfPoints, EndsWithTheFirstBreathThatDoes) {
  StampedDisk disk(*random_, 16_MiB);
  const SignedPoint point = back_up(disk);
  unsigned breaths = 0;
  const auto ended =
      prove_complete(*world_.repository().value(), point.point, [&]() -> Result<void> {
        if (++breaths < 5) return {};
        return fail(Error::lost("nobody is there"));
      });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind(), ErrorKind::lost);
  EXPECT_EQ(breaths, 5u);
}

// A pack that is going to be removed stays when a point relies on it.
TEST_F(ProofOfPoints, KeepsThePacksInWhichItFoundSomething) {
  StampedDisk disk(*random_, 1_MiB);
  const SignedPoint point = back_up(disk);
  PackStore& packs = world_.repository().value()->packs();
  const std::vector<PackId> all(packs.packs().begin(), packs.packs().end());
  for (const PackId& pack : all) packs.condemn(pack);
  static_cast<void>(breaths_to_prove(point));
  EXPECT_TRUE(packs.condemned().empty());
}

}  // namespace
}  // namespace ebb
