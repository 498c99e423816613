// SPDX-License-Identifier: Apache-2.0
// generations_test.cc - many generations of a disk of stamped sectors: every point of the history
// restores bit for bit, and costs what changed.
#include <gtest/gtest.h>

#include <map>

#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

struct Generation {
  SignedPoint point;
  ByteVector content;
};

BlockSize block_of(ByteCount bytes) {
  return *BlockSize::of(bytes);
}

ByteVector noise(Random& random, ByteCount size) {
  return test::random_bytes(random, size.size());
}

// Blocks of `now` that are not as in `before`, at the same place.
std::uint64_t differing_blocks(Bytes before, Bytes now, ByteCount block) {
  std::uint64_t count = 0;
  for (std::size_t at = 0; at < now.size(); at += block.size()) {
    const Bytes part = now.subspan(at, std::min(block.size(), now.size() - at));
    const Bytes old =
        before.subspan(std::min(at, before.size()),
                       std::min(block.size(), before.size() - std::min(at, before.size())));
    // A block past the old end is a change even when it is zero; zero stays zero at any length.
    const bool same = !old.empty() && (same_bytes(part, old) || (all_zero(part) && all_zero(old)));
    if (!same) ++count;
  }
  return count;
}

class Generations : public testing::Test {
 protected:
  void expect_restores(FlowWorld& world, const Generation& generation, ByteVector onto,
                       const FlowWorld::RestoreWishes& wishes = {}) {
    const auto target = test::memory_device(world.loop(), onto);
    const auto report = world.restore(generation.point, *target, wishes);
    ASSERT_TRUE(report) << report.error().text();
    const Bytes there = Bytes(target->content());
    const std::size_t shared = std::min(there.size(), generation.content.size());
    const auto wrong =
        test::first_wrong_sector(Bytes(generation.content).first(shared), there.first(shared));
    ASSERT_FALSE(wrong) << *wrong;
    EXPECT_TRUE(same_bytes(there.subspan(shared), Bytes(onto).subspan(shared)))
        << "what lies past the point's end is left as it was";
    written_ = report->written + report->zeroed;
  }

  const std::uint64_t seed_ = test::test_seed();
  std::unique_ptr<Random> random_ = seeded_random(seed_);
  ByteCount written_;
};

TEST_F(Generations, EveryPointOfARandomHistoryRestoresBitForBit) {
  const ByteCount sizes[] = {4_KiB, 8_KiB, 16_KiB, 64_KiB, 256_KiB, 1_MiB};
  const char* const packings[] = {"none", "lz4", "zstd:1", "lz4:9"};
  for (int story = 0; story < 6; ++story) {
    SCOPED_TRACE(story);
    FlowWorld world(random_->next_u64());
    StampedDisk disk(*random_, ByteCount(200'000 + random_->below(4'000'000)));
    if (random_->below(2) == 0) disk.zero(random_->below(disk.sectors()), 2000);
    std::vector<Generation> history;
    ByteCount block = sizes[random_->below(std::size(sizes))];
    for (int generation = 0; generation < 9; ++generation) {
      FlowWorld::BackupWishes wishes;
      wishes.compression = *Compression::parse(packings[random_->below(std::size(packings))]);
      const bool other_blocks = generation == 0 || random_->below(5) == 0;
      const ByteCount before_block = block;
      if (other_blocks) {
        block = sizes[random_->below(std::size(sizes))];
        wishes.block_size = block_of(block);
      }
      if (random_->below(3) == 0) world.close();  // Else the index and its notes stay.
      const auto device = disk.device(world.loop());
      auto report = world.backup(*device, wishes);
      ASSERT_TRUE(report) << report.error().text();
      const bool comparable = generation > 0 && block == before_block;
      EXPECT_EQ(report->counts.changed.value(),
                comparable ? differing_blocks(history.back().content, disk.content(), block)
                           : report->blocks_total.value());
      history.push_back({std::move(report->point), copy_of(disk.content())});
      const std::uint64_t changes = random_->below(3);
      for (std::uint64_t i = 0; i < changes; ++i) disk.change();
    }
    EXPECT_TRUE(test::names_that_lie_twice(world.folder(), world.loop()).empty());
    world.close();
    for (const Generation& generation : history) {
      SCOPED_TRACE(generation.point.point.sequence);
      const ByteCount size(generation.content.size());
      expect_restores(world, generation, ByteVector(size.size()));
      expect_restores(world, generation, noise(*random_, size));
      const auto verified = world.verify(generation.point);
      ASSERT_TRUE(verified);
      EXPECT_TRUE(verified->damages.empty());
    }
    const auto scrubbed = world.scrub(ScrubMode::look);
    ASSERT_TRUE(scrubbed);
    EXPECT_TRUE(scrubbed->sound());
    if (HasFailure()) return;
  }
}

TEST_F(Generations, InPlaceWritesOnlyTheBlocksThatDiffer) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 6_MiB + ByteCount(777));
  disk.zero(4000, 2500);
  Generation generation;
  FlowWorld::BackupWishes wishes;
  wishes.block_size = block_of(16_KiB);
  const auto device = disk.device(world.loop());
  auto report = world.backup(*device, wishes);
  ASSERT_TRUE(report);
  generation = {std::move(report->point), copy_of(disk.content())};
  FlowWorld::RestoreWishes in_place;
  in_place.in_place = true;
  // The boot area is blanked and written whatever it holds, so that the target never looks whole.
  const ByteCount boot = 64_KiB * 2;
  expect_restores(world, generation, copy_of(disk.content()), in_place);
  EXPECT_LE(written_, boot);
  for (int i = 0; i < 8; ++i) {
    StampedDisk other = disk;
    for (int c = 0; c < 6; ++c) other.write(500 + random_->below(11'000), 1 + random_->below(40));
    other.zero(700 + random_->below(9'000), random_->below(60));
    const std::uint64_t differ = differing_blocks(other.content(), disk.content(), 16_KiB);
    expect_restores(world, generation, copy_of(other.content()), in_place);
    EXPECT_LE(written_, 16_KiB * differ + boot);
    EXPECT_GE(written_ + boot, 16_KiB * (differ - 1));
  }
  expect_restores(world, generation, noise(*random_, disk.size()), in_place);
  expect_restores(world, generation, ByteVector(disk.size().size()), in_place);
}

TEST_F(Generations, LargerTargetsKeepTheirRestAndSmallerOnesGetWhatFits) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 1_MiB + ByteCount(12'345));
  const auto device = disk.device(world.loop());
  auto report = world.backup(*device);
  ASSERT_TRUE(report);
  const Generation generation{std::move(report->point), copy_of(disk.content())};
  FlowWorld::RestoreWishes in_place;
  in_place.in_place = true;
  for (const std::uint64_t size : {1'100'000ull, 4'000'000ull, 1'060'922ull}) {
    for (const auto& wishes : {FlowWorld::RestoreWishes{}, in_place}) {
      // What the target's own end holds may be an old backup table: the last 24 KiB are blanked.
      ByteVector onto = noise(*random_, ByteCount(size));
      const auto target = test::memory_device(world.loop(), onto);
      const auto restored = world.restore(generation.point, *target, wishes);
      ASSERT_TRUE(restored) << restored.error().text();
      const std::size_t own = generation.content.size();
      const Bytes there = Bytes(target->content());
      const auto wrong = test::first_wrong_sector(generation.content, there.first(own));
      ASSERT_FALSE(wrong) << *wrong;
      const std::size_t blank = std::min<std::size_t>(24 * 1024, size - own);
      EXPECT_TRUE(same_bytes(there.subspan(own, size - own - blank),
                             Bytes(onto).subspan(own, size - own - blank)));
    }
  }
  for (const std::uint64_t size : {1'060'000ull, 500'000ull, 700ull}) {
    const auto target = test::memory_device(world.loop(), noise(*random_, ByteCount(size)));
    const auto restored = world.restore(generation.point, *target);
    ASSERT_TRUE(restored) << restored.error().text();
    const std::size_t whole_blocks = size / 65536 * 65536;
    const auto wrong = test::first_wrong_sector(Bytes(generation.content).first(whole_blocks),
                                                Bytes(target->content()).first(whole_blocks));
    ASSERT_FALSE(wrong) << *wrong << " of " << size;
  }
}

TEST_F(Generations, AnUnchangedDiskShipsAndStoresNothing) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 3_MiB + ByteCount(100));
  const auto device = disk.device(world.loop());
  ASSERT_TRUE(world.backup(*device));
  for (int i = 0; i < 4; ++i) {
    if (i == 2) world.close();
    const auto report = world.backup(*device);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->counts.changed, BlockCount(0));
    EXPECT_EQ(report->counts.shipped, BlockCount(0));
    EXPECT_EQ(report->counts.stored, ByteCount(0));
  }
}

TEST_F(Generations, ABlockIsStoredOnceWhereverItOccurs) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 8_MiB);
  disk.zero(0, 1024);
  for (std::uint64_t to = 2048; to < disk.sectors(); to += 1024) disk.duplicate(1024, to, 1024);
  const auto device = disk.device(world.loop());
  const auto report = world.backup(*device);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->counts.shipped, BlockCount(8));
  FlowWorld::BackupWishes other;
  other.volume = "another";
  const auto again = world.backup(*device, other);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->counts.shipped, BlockCount(0));
  expect_restores(world, {again->point, copy_of(disk.content())}, noise(*random_, disk.size()));
}

std::map<std::string, ByteVector> packs_of(FlowWorld& world) {
  std::map<std::string, ByteVector> packs;
  for (const std::string& name : world.folder().all_files()) {
    if (name.starts_with("packs/")) packs[name] = world.folder().content(name);
  }
  return packs;
}

TEST_F(Generations, TheSameSeedGivesTheSamePacksWithAndWithoutWorkers) {
  StampedDisk disk(*random_, 9_MiB + ByteCount(4321));
  std::vector<ByteVector> states;
  for (int i = 0; i < 3; ++i) {
    disk.change();
    states.push_back(copy_of(disk.content()));
  }
  const std::uint64_t seed = random_->next_u64();
  std::vector<std::map<std::string, ByteVector>> packs;
  for (const unsigned threads : {0u, 2u, 0u}) {
    FlowWorld world(seed, threads);
    for (const ByteVector& state : states) {
      const auto device = test::memory_device(world.loop(), state);
      ASSERT_TRUE(world.backup(*device));
    }
    packs.push_back(packs_of(world));
  }
  ASSERT_FALSE(packs[0].empty());
  EXPECT_TRUE(packs[0] == packs[2]) << "without workers";
  EXPECT_TRUE(packs[0] == packs[1]) << "with two workers";
}

}  // namespace
}  // namespace ebb
