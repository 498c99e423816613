// SPDX-License-Identifier: Apache-2.0
// What measurements work on: made content, made volumes, samples, a device that looks changed.
#include <gtest/gtest.h>

#include <set>

#include "engine/measure/changed_device.h"
#include "engine/measure/made_content.h"
#include "engine/measure/made_volume.h"
#include "engine/measure/sample.h"
#include "engine/stage/compress.h"
#include "engine/stage/zero.h"

namespace ebb {
namespace {

double ratio_of(Bytes bytes) {
  Compressor compressor(Compression{});
  constexpr std::size_t block = 64 * 1024;
  ByteVector room(block);
  std::size_t packed = 0;
  for (std::size_t at = 0; at < bytes.size(); at += block) {
    packed += compressor.compress(bytes.subspan(at, block), room).value_or(block);
  }
  return static_cast<double>(bytes.size()) / static_cast<double>(packed);
}

TEST(MadeContent, IsTheSameForTheSameSeed) {
  ByteVector a(300'000);
  ByteVector b(300'000);
  MadeContent(7).fill_with_mix(a);
  MadeContent(7).fill_with_mix(b);
  EXPECT_EQ(a, b);
  MadeContent(8).fill_with_mix(b);
  EXPECT_NE(a, b);
}

TEST(MadeContent, PacksAboutAsRealFilesDo) {
  ByteVector bytes(16 << 20);
  MadeContent content(1);
  content.fill_with_noise(bytes);
  EXPECT_EQ(ratio_of(bytes), 1.0);
  content.fill_with_text(bytes);
  EXPECT_GT(ratio_of(bytes), 2.0);
  content.fill_with_program(bytes);
  EXPECT_GT(ratio_of(bytes), 1.7);
  content.fill_with_mix(bytes);
  EXPECT_GT(ratio_of(bytes), 1.5);
  EXPECT_LT(ratio_of(bytes), 2.3);
}

TEST(MadeContent, FillsRoomsOfAnySize) {
  for (const std::size_t size : {0, 1, 7, 4097, 262'145}) {
    ByteVector bytes(size + 1, std::byte{0x5a});
    MadeContent content(3);
    content.fill_with_mix(MutableBytes(bytes).first(size));
    EXPECT_EQ(bytes.back(), std::byte{0x5a}) << size;
  }
}

TEST(MadeVolume, IsSixtyPercentFullAndZeroElsewhere) {
  Loop loop;
  MemoryDevice device(loop, {42_MiB});
  ByteVector memory(made_volume_memory.size());
  const StopFlag stop;
  ASSERT_TRUE(make_volume(stop, loop, device, 42_MiB, 1, memory));
  const auto parts = full_parts(42_MiB);
  ByteIndex at(0);
  for (const ByteRun& part : parts) {
    EXPECT_TRUE(is_zero(device.content().subspan(at.value(), (part.begin - at).size())));
    EXPECT_FALSE(is_zero(device.content().subspan(part.begin.value(), part.length().size())));
    at = part.end;
  }
  EXPECT_TRUE(is_zero(device.content().subspan(at.value())));
  ByteCount sum;
  for (const ByteRun& part : parts) sum += part.length();
  EXPECT_EQ(full_bytes(42_MiB), sum);
  EXPECT_EQ(full_bytes(40_MiB), 24_MiB);
  EXPECT_EQ(full_bytes(1_MiB), 1_MiB);
}

TEST(MadeVolume, EndsWhenInterrupted) {
  Loop loop;
  MemoryDevice device(loop, {8_MiB});
  ByteVector memory(made_volume_memory.size());
  StopFlag stop;
  stop.raise();
  EXPECT_FALSE(make_volume(stop, loop, device, 8_MiB, 1, memory));
}

TEST(Sample, LeavesZeroBlocksOut) {
  Loop loop;
  MemoryDevice device(loop, {16_MiB});
  MadeContent(1).fill_with_mix(device.content().subspan(3 << 20, 2 << 20));
  const auto sample = sample_of(device, loop, 1_MiB);
  ASSERT_TRUE(sample) << sample.error().text();
  EXPECT_EQ(sample->size(), 1_MiB);
  EXPECT_EQ(sample->blocks.size(), 16u);
  for (const Bytes block : sample->blocks) EXPECT_FALSE(is_zero(block));
}

TEST(Sample, OfNothingButZeroesIsAbsent) {
  Loop loop;
  MemoryDevice device(loop, {4_MiB});
  const auto sample = sample_of(device, loop, 1_MiB);
  ASSERT_FALSE(sample);
  EXPECT_EQ(sample.error().kind(), ErrorKind::absent);
}

TEST(ChangedDevice, ReadsTheSameChangesWhateverIsReadTogether) {
  Loop loop;
  MemoryDevice device(loop, {16_MiB});
  MadeContent(1).fill_with_mix(device.content());
  ChangedDevice changed(device, 100, 5);
  ByteVector whole(16 << 20);
  ASSERT_TRUE(read_and_wait(loop, changed, ByteIndex(0), whole));
  for (const std::size_t piece : {512, 4096, 65536, 1 << 20}) {
    ByteVector read(piece);
    for (std::size_t at = 0; at < whole.size(); at += 7 * piece) {
      const std::size_t length = std::min(piece, whole.size() - at);
      const MutableBytes room = MutableBytes(read).first(length);
      ASSERT_TRUE(read_and_wait(loop, changed, ByteIndex(at), room));
      ASSERT_TRUE(same_bytes(room, Bytes(whole).subspan(at, length))) << piece << " at " << at;
    }
  }
  std::uint64_t differing = 0;
  for (std::uint64_t i = 0; i < 256; ++i) {
    const bool same = same_bytes(Bytes(whole).subspan(i * 65536, 65536),
                                 Bytes(device.content()).subspan(i * 65536, 65536));
    EXPECT_EQ(changed.differs(BlockIndex(i)), !same);
    differing += same ? 0 : 1;
  }
  EXPECT_GT(differing, 0u);
  EXPECT_LT(differing, 80u);
}

}  // namespace
}  // namespace ebb
