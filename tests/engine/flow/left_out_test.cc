// SPDX-License-Identifier: Apache-2.0
// left_out_test.cc - backups that leave out what file systems call free: in their points it is
// zero, and nobody takes that for a change that was missed.
#include <gtest/gtest.h>

#include "tests/support/flow_world.h"
#include "tests/support/packs.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

constexpr ByteCount block = 4_KiB;

// Says what it is told to say.
class ToldSource final : public ChangeSource {
 public:
  SourceKind kind() const override { return SourceKind::tracker; }
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override {
    Answer answer;
    answer.token = ProofToken{kind(), {}};
    answer.why = "it was told";
    if (since == nullptr || !since->token) return answer;
    answer.changed = DirtyMap::clean(grid);
    for (const BlockRun& run : changed) answer.changed->mark(run);
    return answer;
  }
  Result<bool> may_have_changed_meanwhile(ByteRun) override { return false; }
  Result<void> committed() override {
    changed.clear();
    return {};
  }
  std::vector<BlockRun> changed;
};

class LeftOut : public testing::Test {
 protected:
  LeftOut() : world_(random_->next_u64()), disk_(*random_, 32_MiB) {
    wishes_.block_size = *BlockSize::of(block);
    wishes_.changes = &source_;
    wishes_.audit = {0, 0, 0, ByteCount()};
    wishes_.free_blocks = [this](const BlockGrid& grid) -> Result<DirtyMap> {
      DirtyMap map = DirtyMap::clean(grid);
      for (const BlockRun& run : free_) map.mark(run);
      return map;
    };
    while (free_.size() < 20) {
      const BlockIndex begin((free_.empty() ? 0 : free_.back().end.value()) + random_->below(300));
      free_.push_back(BlockRun::of(begin, BlockCount(1 + random_->below(100))));
    }
  }
  BackupReport must_backup() {
    const auto device = disk_.device(world_.loop());
    auto report = world_.backup(*device, wishes_);
    EBB_CHECK(report.has_value(), report ? "" : report.error().text());
    return std::move(*report);
  }
  void write(BlockRun run) {
    disk_.write(run.begin.value() * 8, run.length().value() * 8);
    source_.changed.push_back(run);
  }
  ByteVector restored(const BackupReport& report) {
    const auto target = test::memory_device(world_.loop(), ByteVector(disk_.size().size()));
    const auto done = world_.restore(report.point, *target);
    EBB_CHECK(done.has_value(), done ? "" : done.error().text());
    return copy_of(target->content());
  }
  // The disk, with these blocks zero.
  ByteVector without(const std::vector<BlockRun>& runs) const {
    ByteVector content = copy_of(disk_.content());
    const BlockGrid grid(disk_.size(), *BlockSize::of(block));
    for (const BlockRun& run : runs) {
      const ByteRun bytes = grid.bytes_of(run);
      std::fill(content.begin() + static_cast<std::ptrdiff_t>(bytes.begin.value()),
                content.begin() + static_cast<std::ptrdiff_t>(bytes.end.value()), std::byte{0});
    }
    return content;
  }
  static std::uint64_t count(const std::vector<BlockRun>& runs) {
    std::uint64_t all = 0;
    for (const BlockRun& run : runs) all += run.length().value();
    return all;
  }
  std::uint64_t blocks() const { return disk_.size().value() / block.value(); }

  const std::unique_ptr<Random> random_ = seeded_random(test::test_seed());
  FlowWorld world_;
  StampedDisk disk_;
  ToldSource source_;
  std::vector<BlockRun> free_;
  FlowWorld::BackupWishes wishes_;
};

TEST_F(LeftOut, BlocksAreNotReadAndAreZeroInThePoint) {
  const BackupReport report = must_backup();
  EXPECT_EQ(report.left_out.value(), count(free_));
  EXPECT_EQ(report.counts.read.value(), (blocks() - count(free_)) * block.value());
  EXPECT_EQ(report.counts.zero.value(), count(free_));
  EXPECT_TRUE(restored(report) == without(free_));
  EXPECT_TRUE(world_.verify(report.point)->damages.empty());
}

TEST_F(LeftOut, BlocksThatAreWrittenLaterAreReadAndTheOthersStayOut) {
  must_backup();
  const BlockRun used = free_[3];
  free_.erase(free_.begin() + 3);
  write(used);
  const BackupReport report = must_backup();
  EXPECT_EQ(report.point.point.found_by, SourceKind::tracker);
  EXPECT_EQ(report.counts.read.value(), used.length().value() * block.value());
  EXPECT_TRUE(restored(report) == without(free_));
  EXPECT_GE(report.left_out.value(), count(free_));
  EXPECT_EQ(report.counts.zero.value(), count(free_));
}

TEST_F(LeftOut, WhatBecameFreeIsNotReadAgainAndBecomesZero) {
  must_backup();
  const BlockRun gone = BlockRun::of(free_.back().end + BlockCount(5), BlockCount(50));
  write(gone);
  free_.push_back(gone);
  const BackupReport report = must_backup();
  EXPECT_TRUE(report.counts.read.none());
  EXPECT_EQ(report.counts.changed, gone.length());
  EXPECT_TRUE(restored(report) == without(free_));
}

// A sample of all blocks finds nothing to blame; the bound is of what could be compared.
TEST_F(LeftOut, BlocksAreNoLieOfTheSource) {
  must_backup();
  wishes_.audit = {1, 1u << 30, 1u << 30, ByteCount()};
  BackupReport report = must_backup();
  EXPECT_FALSE(report.source_lied) << report.source_said;
  EXPECT_EQ(report.audit.clean, blocks() - count(free_));
  EXPECT_TRUE(report.audit.bound() == 0);
  EXPECT_TRUE(restored(report) == without(free_));
  // Asked by a run that cannot know what is free: it fills in what it reads.
  wishes_.free_blocks = {};
  report = must_backup();
  EXPECT_FALSE(report.source_lied) << report.source_said;
  EXPECT_EQ(report.point.point.found_by, SourceKind::tracker);
  EXPECT_EQ(report.audit.clean, blocks());
  EXPECT_EQ(report.audit.sampled, blocks() - count(free_));
  EXPECT_TRUE(restored(report) == without({}));
}

TEST_F(LeftOut, ARealLieIsFoundAllTheSame) {
  must_backup();
  wishes_.audit = {1, 1u << 30, 1u << 30, ByteCount()};
  write(BlockRun::of(free_.back().end + BlockCount(3), BlockCount(2)));
  source_.changed.clear();
  const BackupReport report = must_backup();
  EXPECT_TRUE(report.source_lied);
  EXPECT_TRUE(restored(report) == without(free_));
  EXPECT_EQ(report.left_out.value(), count(free_));
}

TEST_F(LeftOut, ARunThatReadsEverythingMakesThePointWhole) {
  must_backup();
  wishes_.free_blocks = {};
  wishes_.changes = nullptr;
  const BackupReport report = must_backup();
  EXPECT_TRUE(report.left_out.none());
  EXPECT_EQ(report.counts.changed.value(), count(free_));
  EXPECT_TRUE(restored(report) == without({}));
}

TEST_F(LeftOut, AnAnswerThatFailsEndsTheRun) {
  wishes_.free_blocks = [](const BlockGrid&) -> Result<DirtyMap> {
    return fail(Error::lost("the device is gone"));
  };
  const auto device = disk_.device(world_.loop());
  const auto report = world_.backup(*device, wishes_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind(), ErrorKind::lost);
}

}  // namespace
}  // namespace ebb
