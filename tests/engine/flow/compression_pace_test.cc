// SPDX-License-Identifier: Apache-2.0
// compression_pace_test.cc - when a run compresses more or less, and that a point with several
// codecs is as any other.
#include "engine/flow/compression_pace.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using WaitsFor = CompressionPace::WaitsFor;
constexpr Compression lz4{Codec::lz4, 1};

// What comes of so many looks at a run that waits for this most of the time.
std::string after(CompressionPace& pace, WaitsFor what, int looks) {
  for (int i = 0; i < looks; ++i) {
    pace.waited(what, 0.6);
    pace.waited(what == WaitsFor::device ? WaitsFor::sink : WaitsFor::device, 0.4);
    pace.given(32_MiB);
  }
  return pace.now().text();
}

TEST(CompressionPace, RisesWhileTheSinkIsWaitedForAndFallsWhileTheWorkersAre) {
  CompressionPace pace(lz4, true);
  EXPECT_EQ(after(pace, WaitsFor::sink, 1), "lz4");  // One look may be chance.
  EXPECT_EQ(after(pace, WaitsFor::sink, 1), "zstd");
  EXPECT_EQ(after(pace, WaitsFor::sink, 20), "zstd:9");
  EXPECT_EQ(after(pace, WaitsFor::device, 20), "zstd:9");
  EXPECT_EQ(after(pace, WaitsFor::workers, 2), "zstd:6");
  EXPECT_EQ(after(pace, WaitsFor::workers, 20), "lz4");
}

TEST(CompressionPace, StaysWhereNothingIsWaitedForMostOfTheTime) {
  CompressionPace pace(lz4, true);
  for (int i = 0; i < 10; ++i) {
    pace.waited(WaitsFor::sink, 0.4);
    pace.waited(WaitsFor::workers, 0.3);
    pace.waited(WaitsFor::device, 0.3);
    pace.given(32_MiB);
  }
  EXPECT_EQ(pace.now(), lz4);
  for (int i = 0; i < 10; ++i) pace.given(32_MiB);  // A clock that stands still.
  EXPECT_EQ(pace.now(), lz4);
}

TEST(CompressionPace, IsWhatWasAskedForWhereThatWasAsked) {
  CompressionPace pace({Codec::zstd, 4}, false);
  EXPECT_EQ(after(pace, WaitsFor::sink, 10), "zstd:4");
  CompressionPace odd({Codec::zstd, 4}, true);  // Not a step of the ladder.
  EXPECT_EQ(after(odd, WaitsFor::sink, 10), "zstd:4");
}

TEST(AdaptingCompression, MakesAPointThatIsAsAnyOther) {
  const auto random = test::test_random();
  test::FlowWorld world(random->next_u64());
  // Text that compresses, and enough of it for several looks. The world's clock makes each wait
  // as long as any other, and there are no workers: all waits are for the device or the sink.
  ByteVector content(160 << 20);
  for (std::size_t at = 0; at + 8 <= content.size(); at += 8) {
    const std::uint64_t value = random->next_u64() & 0x0f0f0f0f0f0f0f0full;
    std::memcpy(content.data() + at, &value, 8);
  }
  const auto device = test::memory_device(world.loop(), content);
  test::FlowWorld::BackupWishes wishes;
  wishes.adapts_compression = true;
  const auto made = world.backup(*device, wishes);
  ASSERT_TRUE(made) << made.error().text();
  const auto target = test::memory_device(world.loop(), ByteVector(content.size()));
  const auto restored = world.restore(made->point, *target);
  ASSERT_TRUE(restored) << restored.error().text();
  EXPECT_TRUE(same_bytes(target->content(), content));
}

}  // namespace
}  // namespace ebb
