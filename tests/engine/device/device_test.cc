// SPDX-License-Identifier: Apache-2.0
// device_test.cc - one suite over every kind of device, held against a plain vector of bytes.
#include <gtest/gtest.h>

#include "engine/device/block_device.h"
#include "engine/device/faulty_device.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

// Random reads, writes and zeroes of multiples of `unit` bytes (1: any), and the device's tail.
void expect_behaves_like_memory(Random& random, Loop& loop, BlockDevice& device, std::uint64_t unit,
                                bool zeroes) {
  const std::size_t size = device.shape().size.size();
  ByteVector model = test::random_bytes(random, size);
  ASSERT_TRUE(write_and_wait(loop, device, ByteIndex(0), model));
  // Once aligned for direct I/O, once not.
  ByteVector memory(size + 8192);
  const std::size_t aligned = 4096 - reinterpret_cast<std::uintptr_t>(memory.data()) % 4096;
  for (int i = 0; i < 150; ++i) {
    const bool page_wise = random.below(2) == 0;
    const std::uint64_t grain = page_wise ? std::max<std::uint64_t>(unit, 4096) : unit;
    std::uint64_t at = random.below(size) / grain * grain;
    std::uint64_t length = std::min(1 + random.below(100'000), size - at);
    length = at + length == size ? length : std::max<std::uint64_t>(length / grain * grain, 1);
    if (random.below(4) == 0 || (at + length) % unit != 0) length = size - at;  // To the end.
    const MutableBytes room =
        MutableBytes(memory).subspan(page_wise ? aligned : aligned + 1, length);
    switch (random.below(zeroes ? 4 : 3)) {
      case 0: {
        random.fill(room);
        ASSERT_TRUE(write_and_wait(loop, device, ByteIndex(at), room));
        std::ranges::copy(room, model.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      }
      case 3: {
        struct Zeroes : Transfer {
          bool done = false;
          Result<void> result;
        } transfer;
        transfer.way = Way::write_zeroes;
        transfer.at = ByteIndex(at);
        transfer.length = ByteCount(length);
        transfer.settled = [](Transfer& t, Result<void> result) {
          static_cast<Zeroes&>(t).result = std::move(result);
          static_cast<Zeroes&>(t).done = true;
        };
        device.start(transfer);
        while (!transfer.done) ASSERT_TRUE(loop.run_once());
        if (!transfer.result) {
          EXPECT_EQ(transfer.result.error().kind(), ErrorKind::invalid)
              << transfer.result.error().text();
          zeroes = false;  // A file system that cannot; said, not silently left.
          break;
        }
        std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), length, std::byte{0});
        break;
      }
      default: {
        const auto read = read_and_wait(loop, device, ByteIndex(at), room);
        ASSERT_TRUE(read) << read.error().text() << " at " << at << " + " << length;
        ASSERT_TRUE(same_bytes(room, Bytes(model).subspan(at, length)))
            << "at " << at << " + " << length;
      }
    }
  }
  ASSERT_TRUE(sync_and_wait(loop, device));
  const MutableBytes whole = MutableBytes(memory).subspan(aligned, size);
  ASSERT_TRUE(read_and_wait(loop, device, ByteIndex(0), whole));
  EXPECT_TRUE(same_bytes(whole, model));
}

TEST(MemoryDevice, BehavesLikeMemory) {
  const auto random = test::test_random();
  Loop loop;
  MemoryDevice device(loop, Shape{ByteCount(300'001)});
  EXPECT_TRUE(all_zero(device.content()));
  expect_behaves_like_memory(*random, loop, device, 1, true);
}

class UringDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Ring::make();
    if (!made) GTEST_SKIP() << made.error().text();
    ring_ = std::move(*made);
  }
  std::unique_ptr<BlockDevice> opened(const std::string& path, Shape shape) {
    auto device = open_device(path, Access::write, shape, *ring_);
    EXPECT_TRUE(device) << device.error().text();
    return device ? std::move(*device) : nullptr;
  }
  std::unique_ptr<Random> random_ = test::test_random();
  test::TemporaryFolder folder_;
  std::unique_ptr<Ring> ring_;
};

TEST_F(UringDeviceTest, AnImageOfAnySizeBehavesLikeMemory) {
  for (const std::uint64_t size : {1u, 511u, 512u, 4095u, 4096u, 4097u, 300'001u, 1u << 20}) {
    SCOPED_TRACE(size);
    test::make_image(folder_ / "image", ByteCount(size));
    const auto device = opened(folder_ / "image", Shape{ByteCount(size)});
    expect_behaves_like_memory(*random_, *ring_, *device, 1, true);
    EXPECT_EQ(test::read_at(folder_ / "image", ByteIndex(0), ByteCount(size)).size(), size);
  }
}

TEST_F(UringDeviceTest, ALoopDeviceBehavesLikeMemory) {
  EBB_NEEDS_LOOP_DEVICES();
  for (const ByteCount sector : {512_B, 4_KiB}) {
    for (const bool direct : {false, true}) {
      SCOPED_TRACE(testing::Message() << sector.value() << (direct ? " direct" : ""));
      const ByteCount size = 1_MiB + 12_KiB;
      test::make_image(folder_ / "image", size);
      auto loop =
          test::LoopDevice::attach(folder_ / "image", {.sector = sector, .direct_io = direct});
      if (!loop) GTEST_SKIP() << loop.error().text();
      const auto device = opened((*loop)->path(), Shape{size, sector, sector});
      expect_behaves_like_memory(*random_, *ring_, *device, sector.value(), true);
    }
  }
}

TEST_F(UringDeviceTest, ALoopDeviceThatIsHeldIsNotOpenedForWriting) {
  EBB_NEEDS_LOOP_DEVICES();
  test::make_image(folder_ / "image", 1_MiB);
  auto loop = test::LoopDevice::attach(folder_ / "image", {});
  if (!loop) GTEST_SKIP() << loop.error().text();
  const auto device = opened((*loop)->path(), Shape{1_MiB});
  const auto second = open_device((*loop)->path(), Access::write, Shape{1_MiB}, *ring_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::busy) << second.error().text();
  EXPECT_TRUE(open_device((*loop)->path(), Access::read, Shape{1_MiB}, *ring_));
}

TEST_F(UringDeviceTest, WhatCannotBeOpenedSaysWhy) {
  const auto none = open_device(folder_ / "none", Access::read, Shape{1_MiB}, *ring_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind(), ErrorKind::absent);
  EXPECT_FALSE(open_device(folder_.path(), Access::write, Shape{1_MiB}, *ring_));
}

TEST_F(UringDeviceTest, AnImageThatShrankIsLostAndNotZeroes) {
  test::make_image(folder_ / "image", 1_MiB);
  const auto device = opened(folder_ / "image", Shape{1_MiB});
  test::resize_image(folder_ / "image", 1_MiB - 5000_B);
  ByteVector room(8192);
  for (const std::uint64_t at : {(1u << 20) - 8192u, (1u << 20) - 4096u}) {
    for (const std::size_t shift : {0u, 1u}) {
      ByteVector memory(3 * 4096);
      const std::size_t aligned = 4096 - reinterpret_cast<std::uintptr_t>(memory.data()) % 4096;
      const auto read = read_and_wait(*ring_, *device, ByteIndex(at),
                                      MutableBytes(memory).subspan(aligned + shift, 4096));
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().kind(), ErrorKind::lost) << read.error().text();
    }
  }
}

TEST(FaultyDevice, BadSectorsFailWhateverTouchesThemAndNothingElse) {
  Loop loop;
  MemoryDevice memory(loop, Shape{64_KiB});
  FaultyDevice device(memory, loop,
                      bad_sectors({ByteRun{ByteIndex(512), ByteIndex(1024)},
                                   ByteRun{ByteIndex(60'000), ByteIndex(60'512)}}));
  ByteVector room(512);
  EXPECT_TRUE(read_and_wait(loop, device, ByteIndex(0), room));
  EXPECT_TRUE(read_and_wait(loop, device, ByteIndex(1024), room));
  const auto bad = read_and_wait(loop, device, ByteIndex(1), room);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind(), Error::from_errno(EIO).kind());
  EXPECT_FALSE(read_and_wait(loop, device, ByteIndex(1023), room));
  EXPECT_FALSE(read_and_wait(loop, device, ByteIndex(60'511), room));
  EXPECT_TRUE(write_and_wait(loop, device, ByteIndex(512), room)) << "writes pass";
}

TEST(FaultyDevice, IsLostAfterSoManyWrites) {
  for (std::uint64_t allowed = 0; allowed < 4; ++allowed) {
    Loop loop;
    MemoryDevice memory(loop, Shape{64_KiB});
    FaultyDevice device(memory, loop, lost_after_writes(allowed));
    ByteVector data(512, std::byte{7});
    for (std::uint64_t i = 0; i < 6; ++i) {
      EXPECT_EQ(write_and_wait(loop, device, ByteIndex(i * 512), data).has_value(), i < allowed);
      EXPECT_TRUE(read_and_wait(loop, device, ByteIndex(0), data)) << "reads pass";
      data.assign(512, std::byte{7});
    }
    EXPECT_FALSE(sync_and_wait(loop, device));
    EXPECT_TRUE(all_zero(Bytes(memory.content()).subspan(allowed * 512)));
    EXPECT_EQ(memory.content()[0], allowed > 0 ? std::byte{7} : std::byte{0});
  }
}

TEST(RecordingDevice, KeepsWhatWasAskedInOrder) {
  Loop loop;
  MemoryDevice memory(loop, Shape{64_KiB});
  RecordingDevice device(memory);
  ByteVector data(512);
  ASSERT_TRUE(write_and_wait(loop, device, ByteIndex(512), data));
  ASSERT_TRUE(read_and_wait(loop, device, ByteIndex(0), data));
  ASSERT_TRUE(sync_and_wait(loop, device));
  ASSERT_EQ(device.asked().size(), 3u);
  EXPECT_EQ(device.asked()[0].way, Way::write);
  EXPECT_EQ(device.asked()[0].bytes, ByteRun::of(ByteIndex(512), 512_B));
  EXPECT_EQ(device.asked()[1].way, Way::read);
  EXPECT_EQ(device.asked()[2].way, Way::sync_data);
}

}  // namespace
}  // namespace ebb
