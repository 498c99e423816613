// SPDX-License-Identifier: Apache-2.0
// trouble_test.cc - devices and folders that fail: errors are said, nothing that was there is lost,
// and what can be had is right.
#include <gtest/gtest.h>

#include <set>

#include <map>

#include "engine/device/faulty_device.h"
#include "tests/support/flow_world.h"
#include "tests/support/packs.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

class Trouble : public testing::Test {
 protected:
  ByteVector restored(FlowWorld& world, const SignedPoint& point) {
    const auto target = test::memory_device(
        world.loop(), test::random_bytes(*random_, point.point.grid.size().size()));
    const auto report = world.restore(point, *target);
    EXPECT_TRUE(report) << report.error().text();
    return copy_of(target->content());
  }
  void expect_holds(FlowWorld& world, const SignedPoint& point, Bytes content) {
    const auto wrong = test::first_wrong_sector(content, restored(world, point));
    EXPECT_FALSE(wrong) << *wrong;
  }
  // The first pack file.
  std::string a_pack(FlowWorld& world) {
    for (const std::string& name : world.folder().all_files()) {
      if (name.starts_with("packs/")) return name;
    }
    return "";
  }

  std::unique_ptr<Random> random_ = test::test_random();
};

TEST_F(Trouble, UnreadableSectorsAreNamedAndEverythingElseIsRight) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 3_MiB + ByteCount(512 * 3));
  const auto device = disk.device(world.loop());
  std::vector<ByteRun> bad;
  ByteVector expected = copy_of(disk.content());
  for (const std::uint64_t sector : {17ull, 18ull, 1000ull, 4100ull, 6146ull}) {
    bad.push_back(ByteRun::of(ByteIndex(sector * 512), ByteCount(512)));
    std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(sector * 512), 512, std::byte{0});
  }
  FaultyDevice faulty(*device, world.loop(), bad_sectors(bad));
  const auto report = world.backup(faulty, test::passport_of(*device), {});
  ASSERT_TRUE(report) << report.error().text();
  ByteCount named;
  for (const ByteRun& run : report->unreadable) named += run.length();
  EXPECT_EQ(named, ByteCount(5 * 512));
  for (const ByteRun& run : bad) {
    EXPECT_TRUE(std::ranges::any_of(
        report->unreadable, [&](const ByteRun& named_run) { return named_run.contains(run); }));
  }
  const auto about = open_about(report->point.point, world.key().id_key);
  ASSERT_TRUE(about);
  EXPECT_EQ(about->unreadable, report->unreadable);
  expect_holds(world, report->point, expected);
  // The disk was mended: the next point holds it all.
  const auto next = world.backup(*device);
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->unreadable.empty());
  expect_holds(world, next->point, disk.content());
  expect_holds(world, report->point, expected);
}

TEST_F(Trouble, ADeviceThatGoesAwayEndsTheRunAndNothingElse) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 5_MiB);
  const auto device = disk.device(world.loop());
  const auto first = world.backup(*device);
  ASSERT_TRUE(first);
  const ByteVector before = copy_of(disk.content());
  disk.write(0, disk.sectors());
  const auto changed = disk.device(world.loop());
  for (int reads = 0; reads < 5; ++reads) {
    int left = reads;
    FaultyDevice lost(*changed, world.loop(), [&](const Transfer&) -> Result<void> {
      if (left-- > 0) return {};
      return fail(Error::from_errno(ENODEV));
    });
    const auto failed = world.backup(lost, test::passport_of(*changed), {});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind(), ErrorKind::lost);
    EXPECT_EQ(world.points()->size(), 1u);
    const auto look = world.scrub(ScrubMode::look);
    ASSERT_TRUE(look);
    EXPECT_TRUE(look->sound());
  }
  expect_holds(world, first->point, before);
  const auto second = world.backup(*changed);
  ASSERT_TRUE(second);
  expect_holds(world, second->point, disk.content());
}

// Every write of the repository's folder fails once in each of two ways.
TEST_F(Trouble, AFullOrFailingFolderLosesNothingAndTheNextBackupShipsOnlyTheRest) {
  FlowWorld base(random_->next_u64());
  StampedDisk disk(*random_, 2_MiB + ByteCount(999));
  const auto old_device = disk.device(base.loop());
  const auto first = base.backup(*old_device);
  ASSERT_TRUE(first);
  const ByteVector before = copy_of(disk.content());
  disk.write(100, 900);
  disk.zero(2000, 500);
  for (const bool full : {true, false}) {
    for (std::uint64_t n = 0;; ++n) {
      SCOPED_TRACE(testing::Message() << (full ? "full" : "bad") << " from write " << n);
      const auto world = base.twin(random_->next_u64());
      const auto device = disk.device(world->loop());
      if (full) {
        world->folder().full_from_write(n);
      } else {
        world->folder().fail_write(n);
      }
      const auto report = world->backup(*device);
      world->folder().full_from_write(test::SimulatedFolder::never);
      world->folder().fail_write(test::SimulatedFolder::never);
      if (!report) {
        EXPECT_EQ(report.error().kind(), full ? ErrorKind::full : ErrorKind::damaged)
            << report.error().text();
        if (random_->below(2) == 0) world->close();
        ASSERT_EQ(world->points()->size(), 1u);
        const auto look = world->scrub(ScrubMode::look);
        ASSERT_TRUE(look);
        EXPECT_TRUE(look->sound());
      }
      const auto next = world->backup(*device);
      ASSERT_TRUE(next) << next.error().text();
      EXPECT_TRUE(test::names_that_lie_twice(world->folder(), world->loop()).empty());
      expect_holds(*world, first->point, before);
      expect_holds(*world, next->point, disk.content());
      ASSERT_FALSE(HasFailure());
      if (report) break;
      ASSERT_LT(n, 1000u);
    }
  }
}

// A stretch of a pack that is longer than parity can mend.
void wreck(FlowWorld& world, Random& random, const std::string& pack, ByteCount length) {
  world.folder().overwrite(pack, ByteIndex(20'000), test::random_bytes(random, length.size()));
}

std::set<BlockIndex> blocks_of(const std::vector<Damage>& damages) {
  std::set<BlockIndex> blocks;
  for (const Damage& damage : damages) {
    for (auto at = damage.blocks.begin; at < damage.blocks.end; at += BlockCount(1)) {
      blocks.insert(at);
    }
  }
  return blocks;
}

TEST_F(Trouble, SalvageGivesAllThatIsSoundAndNamesTheRest) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 8_MiB);
  const auto device = disk.device(world.loop());
  FlowWorld::BackupWishes plain;
  plain.compression = {Codec::none, 0};
  const auto report = world.backup(*device, plain);
  ASSERT_TRUE(report);
  wreck(world, *random_, a_pack(world), 3_MiB);
  world.close();
  const auto verified = world.verify(report->point);
  ASSERT_TRUE(verified);
  EXPECT_FALSE(verified->damages.empty());

  const auto refused = test::memory_device(world.loop(), ByteVector(disk.size().size()));
  EXPECT_FALSE(world.restore(report->point, *refused)) << "without --salvage it stops";
  const auto target =
      test::memory_device(world.loop(), test::random_bytes(*random_, disk.size().size()));
  FlowWorld::RestoreWishes wishes;
  wishes.salvage = true;
  const auto salvaged = world.restore(report->point, *target, wishes);
  ASSERT_TRUE(salvaged) << salvaged.error().text();
  const std::set<BlockIndex> lost = blocks_of(salvaged->damages);
  EXPECT_NEAR(static_cast<double>(lost.size()), 49, 2);
  for (std::size_t block = 0; block < 128; ++block) {
    const Bytes there = Bytes(target->content()).subspan(block * 65536, 65536);
    if (lost.contains(BlockIndex(block))) {
      EXPECT_TRUE(all_zero(there)) << "block " << block << " is lost, so it is zero";
    } else {
      EXPECT_TRUE(same_bytes(there, disk.content().subspan(block * 65536, 65536))) << block;
    }
  }
}

TEST_F(Trouble, WhatTwoPointsShareIsOpenedOnceAndItsDamageIsNamedInBoth) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 8_MiB);
  const auto device = disk.device(world.loop());
  FlowWorld::BackupWishes plain;
  plain.compression = {Codec::none, 0};
  const auto first = world.backup(*device, plain);
  ASSERT_TRUE(first);
  disk.write(5 * 128, 128);
  disk.write(90 * 128, 3 * 128);
  const auto changed = disk.device(world.loop());
  const auto second = world.backup(*changed, plain);
  ASSERT_TRUE(second);
  const auto sound = world.verify(second->point, FlowWorld::Verified{first->point, {}});
  ASSERT_TRUE(sound);
  EXPECT_TRUE(sound->damages.empty());
  EXPECT_EQ(sound->checked, BlockCount(4));

  for (const std::string& name : world.folder().all_files()) {
    if (name.starts_with("packs/") && world.folder().content(name).size() > (5_MiB).size()) {
      wreck(world, *random_, name, 1_MiB + 300_KiB);
    }
  }
  world.close();
  const auto alone = world.verify(second->point);
  const auto before = world.verify(first->point);
  ASSERT_TRUE(alone && before);
  EXPECT_FALSE(alone->damages.empty());
  const auto after =
      world.verify(second->point, FlowWorld::Verified{first->point, before->damages});
  ASSERT_TRUE(after);
  EXPECT_LT(after->checked, alone->checked);
  EXPECT_EQ(blocks_of(after->damages), blocks_of(alone->damages));
}

TEST_F(Trouble, WhatScrubFoundLostTheNextBackupShipsAgain) {
  for (int round = 0; round < 3; ++round) {
    FlowWorld world(random_->next_u64());
    StampedDisk disk(*random_, 8_MiB);
    const auto device = disk.device(world.loop());
    FlowWorld::BackupWishes plain;
    plain.compression = {Codec::none, 0};
    const auto first = world.backup(*device, plain);
    ASSERT_TRUE(first);
    const auto second = world.backup(*device, plain);
    ASSERT_TRUE(second);
    // Records only, then the table too, then everything.
    const std::string pack = a_pack(world);
    if (round < 2) {
      wreck(world, *random_, pack, round == 0 ? 3_MiB : 8_MiB + 300_KiB);
    } else {
      world.folder().overwrite(pack, ByteIndex(0), ByteVector(world.folder().content(pack).size()));
    }
    if (round != 0) world.close();
    const auto scrubbed = world.scrub(ScrubMode::repair);
    ASSERT_TRUE(scrubbed) << scrubbed.error().text();
    EXPECT_FALSE(scrubbed->mended());
    EXPECT_FALSE(scrubbed->points.empty());
    EXPECT_FALSE(world.restore(first->point, *test::memory_device(world.loop(), disk.content())));

    world.close();
    const auto healing = world.backup(*device, plain);
    ASSERT_TRUE(healing) << healing.error().text();
    EXPECT_GT(healing->counts.shipped, BlockCount(0));
    EXPECT_EQ(healing->counts.changed.value(), round == 0 ? 0u : 128u);
    for (int again = 0; again < 2; ++again) {
      expect_holds(world, first->point, disk.content());
      expect_holds(world, second->point, disk.content());
      expect_holds(world, healing->point, disk.content());
      world.close();
    }
    const auto next = world.backup(*device, plain);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->counts.shipped, BlockCount(0)) << "once is enough";
    const auto look = world.scrub(ScrubMode::look);
    ASSERT_TRUE(look);
    EXPECT_TRUE(look->points.empty()) << look->points.front().damage.what;
    if (HasFailure()) return;
  }
}

TEST_F(Trouble, ADamagedMapOfTheBaseDoesNotStopABackup) {
  FlowWorld world(random_->next_u64());
  StampedDisk disk(*random_, 4_MiB);
  FlowWorld::BackupWishes small;
  small.block_size = *BlockSize::of(4_KiB);
  const auto device = disk.device(world.loop());
  const auto first = world.backup(*device, small);
  ASSERT_TRUE(first);
  world.close();
  ASSERT_GT(test::spoil_pages(world.folder(), a_pack(world)), 0);
  disk.write(50, 7);
  const auto changed = disk.device(world.loop());
  const auto next = world.backup(*changed);
  ASSERT_TRUE(next) << next.error().text();
  EXPECT_EQ(next->blocks_total, BlockCount(1024)) << "as the base has it";
  EXPECT_NE(world.observer.notes.find("map is damaged"), std::string::npos);
  // The new point is whole, and its map is found however the index was made.
  for (int again = 0; again < 4; ++again) {
    expect_holds(world, next->point, disk.content());
    world.close();
  }
}

}  // namespace
}  // namespace ebb
