// SPDX-License-Identifier: Apache-2.0
// Each measurement gives sane values and does some work however short it is. None looks at a rate.
#include <gtest/gtest.h>

#include <array>

#include "engine/device/faulty_device.h"
#include "engine/measure/flow_measure.h"
#include "engine/measure/made_content.h"
#include "engine/measure/pack_measure.h"
#include "engine/measure/ring_measure.h"
#include "engine/measure/stage_measure.h"
#include "tests/support/flow_world.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

class Measure : public testing::Test {
 protected:
  test::TestClock clock_;  // A second passes with each look at it.
  StopFlag stop_;
  MeasureWorld world_{clock_, stop_, 3};
};

TEST_F(Measure, EachStageWorksOnTheSample) {
  const Sample sample = made_sample(2_MiB, 1);
  for (const StageChoice& choice : all_stages()) {
    for (const unsigned threads : {1u, 3u}) {
      SCOPED_TRACE(testing::Message() << name_of(choice.stage) << " " << choice.variant());
      const auto result = measure_stage(world_, choice, sample, threads);
      ASSERT_TRUE(result) << result.error().text();
      EXPECT_EQ(result->threads, threads);
      EXPECT_GT(result->figure.operations, 0u);
      EXPECT_EQ(result->figure.bytes, 64_KiB * result->figure.operations);
      EXPECT_GT(result->figure.seconds, 0);
      EXPECT_GE(result->figure.cpu_seconds, 0);
      const bool has_ratio = choice.stage == Stage::compress && threads == 1;
      EXPECT_EQ(result->ratio > 1, has_ratio);
      if (!has_ratio) continue;
      EXPECT_GE(result->figure.bytes, sample.size()) << "a ratio is of all of it";
    }
  }
}

TEST_F(Measure, WhatDoesNotPackCannotBeUnpacked) {
  Sample sample;
  sample.memory.resize(65536);
  MadeContent(1).fill_with_noise(sample.memory);
  sample.blocks.push_back(sample.memory);
  const auto result = measure_stage(world_, {Stage::decompress, {}, {}}, sample, 1);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::absent);
}

TEST_F(Measure, AnInterruptEndsIt) {
  const Sample sample = made_sample(1_MiB, 1);
  Loop loop;
  MemoryDevice device(loop, {1_MiB});
  ByteVector memory(4096);
  Course course({device.all()});
  stop_.raise();
  EXPECT_FALSE(measure_stage(world_, {Stage::checksum, {}, {}}, sample, 2));
  EXPECT_FALSE(measure_transfers(world_, loop, device, course, memory, {Way::read, 4_KiB, 1}));
  EXPECT_FALSE(measure_sync(world_, loop, device, memory));
}

TEST(ACourse, GoesOverThePiecesOfItsRunsInOrderAndAgain) {
  Course course({{ByteIndex(0), ByteIndex(5)}, {ByteIndex(8), ByteIndex(10)}});
  std::vector<std::uint64_t> begins;
  for (int i = 0; i < 5; ++i) begins.push_back(course.next(2_B)->begin.value());
  EXPECT_EQ(begins, (std::vector<std::uint64_t>{0, 2, 8, 0, 2}));
  EXPECT_TRUE(course.fits(5_B));
  EXPECT_FALSE(course.fits(6_B));
  EXPECT_FALSE(course.next(6_B));
  EXPECT_FALSE(Course({}).next(1_B));
}

TEST_F(Measure, TransfersKeepToTheirPlan) {
  Loop loop;
  MemoryDevice inner(loop, {8_MiB});
  RecordingDevice device(inner);
  ByteVector memory(4 << 16, std::byte{7});
  Course course({ByteRun::of(ByteIndex(1 << 20), 3_MiB)});
  for (const Way way : {Way::read, Way::write}) {
    const auto result = measure_transfers(world_, loop, device, course, memory, {way, 64_KiB, 4});
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_GE(result->figure.operations, 4u);
    EXPECT_EQ(result->figure.bytes, 64_KiB * result->figure.operations);
    EXPECT_GT(result->turns, 0u);
  }
  for (const auto& asked : device.asked()) {
    if (asked.way == Way::sync_data) continue;
    EXPECT_TRUE(ByteRun::of(ByteIndex(1 << 20), 3_MiB).contains(asked.bytes));
    EXPECT_EQ(asked.bytes.length(), 64_KiB);
  }
  EXPECT_EQ(device.asked().back().way, Way::sync_data) << "a write counts when it is safe";
}

TEST_F(Measure, ATransferThatFailsIsNamed) {
  Loop loop;
  MemoryDevice inner(loop, {1_MiB});
  FaultyDevice device(inner, loop, bad_sectors({ByteRun::of(ByteIndex(0), 512_B)}));
  ByteVector memory(2 << 16);
  Course course({inner.all()});
  const auto result =
      measure_transfers(world_, loop, device, course, memory, {Way::read, 64_KiB, 2});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().text().find("reading 65536 bytes at 0"), std::string::npos)
      << result.error().text();
}

TEST_F(Measure, ASyncHasAMedianAndAnEnd) {
  Loop loop;
  MemoryDevice device(loop, {1_MiB});
  ByteVector memory(4096);
  const auto result = measure_sync(world_, loop, device, memory);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_GT(result->figure.operations, 0u);
  EXPECT_GT(result->median_seconds, 0);
  EXPECT_GE(result->p99_seconds, result->median_seconds);
}

TEST_F(Measure, TheRingReadsAPageInMemory) {
  const auto ring = Ring::make();
  ASSERT_TRUE(ring) << ring.error().text();
  ByteVector memory(8 * PageInMemory::size.size());
  const auto result = measure_ring(world_, **ring, memory, 8);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_GE(result->figure.operations, 8u);
  EXPECT_EQ(result->figure.bytes, 4_KiB * result->figure.operations);
}

// With a ring and a folder, for these run what commands run.
class MeasureOnDisk : public Measure {
 protected:
  void SetUp() override {
    ring_ = Ring::make().value();
    workers_ = std::make_unique<Workers>(*ring_, 2);
    files_ = open_folder(folder_.path(), *ring_).value();
  }
  const test::TemporaryFolder folder_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<Files> files_;
};

TEST_F(MeasureOnDisk, PacksAreWrittenAndRemoved) {
  const auto arena = Arena::make(PackMemory::total(), ring_.get()).value();
  const auto result = measure_packs(world_, *files_, *ring_, *workers_, *arena, system_random());
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_GE(result->operations, 1u);
  EXPECT_GE(result->bytes, 1_MiB);
  EXPECT_TRUE(files_->list("")->empty());
}

TEST_F(MeasureOnDisk, AnInterruptLeavesNoPack) {
  const auto arena = Arena::make(PackMemory::total(), ring_.get()).value();
  stop_.raise();
  EXPECT_FALSE(measure_packs(world_, *files_, *ring_, *workers_, *arena, system_random()));
  EXPECT_TRUE(files_->list("")->empty());
}

TEST_F(MeasureOnDisk, WholeRunsGiveBackWhatTheyTook) {
  SilentObserver observer;
  const auto flow =
      FlowMeasure::make({*ring_, *workers_, *files_, clock_, system_random(), observer, stop_});
  ASSERT_TRUE(flow) << flow.error().text();
  MemoryDevice device(*ring_, {8_MiB});
  MadeContent(1).fill_with_mix(device.content().first(5 << 20));
  BackupRequest request;
  request.passport.shape = device.shape();
  request.passport.kind = "image";
  const auto full = (*flow)->backup(device, request);
  ASSERT_TRUE(full) << full.error().text();
  EXPECT_EQ(full->figure.bytes, 8_MiB);
  EXPECT_EQ(full->volume, 8_MiB);
  EXPECT_EQ(full->counts.shipped, BlockCount(80));
  EXPECT_GT(full->stored, 1_MiB);
  const auto again = (*flow)->backup(device, request);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->counts.shipped, BlockCount(0));
  EXPECT_LT(again->stored, full->stored);

  const auto verified = (*flow)->verify();
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_EQ(verified->figure.bytes, 5_MiB);
  MemoryDevice target(*ring_, {8_MiB});
  const auto restored = (*flow)->restore(target);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_EQ(restored->figure.bytes, 5_MiB);
  EXPECT_TRUE(same_bytes(target.content(), device.content()));
  double phases = 0;
  for (const PhaseTime& phase : restored->phases) phases += phase.seconds;
  EXPECT_GT(phases, 0);
  EXPECT_LE(phases, restored->figure.seconds);
}

}  // namespace
}  // namespace ebb
