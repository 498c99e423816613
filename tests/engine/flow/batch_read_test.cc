// SPDX-License-Identifier: Apache-2.0
// batch_read_test.cc - blocks from many places in one batch, also of a device that fails in some.
#include "engine/flow/batch_read.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/device/faulty_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_disk.h"

namespace ebb {
namespace {

class ReadingABatch : public testing::Test {
 protected:
  struct Outcome {
    int times = 0;
    Result<void> result;
  };
  // What all runs hold, one after the other, of a disk with this content.
  ByteVector content_of(Bytes disk) const {
    ByteVector all;
    for (const BlockRun& run : runs_) {
      const ByteRun bytes = grid_.bytes_of(run);
      append(all, disk.subspan(bytes.begin.value(), bytes.length().size()));
    }
    return all;
  }
  Outcome read(BlockDevice& device, MutableBytes room) {
    Outcome outcome;
    reading_.start(
        device, grid_, runs_, room,
        [](BatchRead& reading, Result<void> result) {
          auto& out = *static_cast<Outcome*>(reading.owner());
          ++out.times;
          out.result = std::move(result);
        },
        &outcome);
    while (outcome.times == 0) EXPECT_TRUE(loop_.run_once());
    return outcome;
  }

  std::unique_ptr<Random> random_ = test::test_random();
  test::StampedDisk disk_{*random_, 1_MiB + ByteCount(512)};
  Loop loop_;
  const std::unique_ptr<MemoryDevice> device_ = disk_.device(loop_);
  const BlockGrid grid_{device_->shape().size, BlockSize::of(ByteCount(65536)).value()};
  // The last one is shorter than a block.
  const std::vector<BlockRun> runs_ = {{BlockIndex(1), BlockIndex(2)},
                                       {BlockIndex(4), BlockIndex(7)},
                                       {BlockIndex(16), BlockIndex(17)}};
  ByteVector room_ = ByteVector(1024 * 1024);
  BatchRead reading_;
};

TEST_F(ReadingABatch, PutsItsRunsOneAfterTheOther) {
  const Outcome outcome = read(*device_, room_);
  EXPECT_TRUE(outcome.result);
  const ByteVector expected = content_of(disk_.content());
  EXPECT_EQ(expected.size(), 4 * 65536u + 512);
  EXPECT_TRUE(same_bytes(Bytes(room_).first(expected.size()), expected));
  EXPECT_TRUE(reading_.unreadable().empty());
}

TEST_F(ReadingABatch, NamesBadSectorsOfEachRunAndReadsTheRest) {
  const std::vector<ByteRun> bad = {ByteRun::of(ByteIndex(65536 + 1024), ByteCount(512)),
                                    ByteRun::of(ByteIndex(5 * 65536), ByteCount(1024)),
                                    ByteRun::of(ByteIndex(6 * 65536), ByteCount(512))};
  FaultyDevice faulty(*device_, loop_, bad_sectors(bad));
  const Outcome outcome = read(faulty, room_);
  EXPECT_TRUE(outcome.result);
  ByteVector disk = copy_of(disk_.content());
  for (const ByteRun& run : bad) {
    std::fill_n(disk.begin() + static_cast<std::ptrdiff_t>(run.begin.value()), run.length().size(),
                std::byte{0});
  }
  const ByteVector expected = content_of(disk);
  EXPECT_TRUE(same_bytes(Bytes(room_).first(expected.size()), expected));
  ByteCount named;
  for (const ByteRun& run : reading_.unreadable()) named += run.length();
  EXPECT_EQ(named, ByteCount(2048));
}

TEST_F(ReadingABatch, EndsOnceAndAfterAllOfItWhenTheDeviceIsLost) {
  for (std::size_t lost = 0; lost < runs_.size(); ++lost) {
    std::size_t at = 0;
    FaultyDevice faulty(*device_, loop_, [&](const Transfer&) -> Result<void> {
      if (at++ != lost) return {};
      return fail(Error::from_errno(ENODEV));
    });
    const Outcome outcome = read(faulty, room_);
    ASSERT_FALSE(outcome.result);
    EXPECT_EQ(outcome.result.error().kind(), ErrorKind::lost);
    EXPECT_EQ(outcome.times, 1);
    EXPECT_EQ(at, runs_.size());
  }
}

}  // namespace
}  // namespace ebb
