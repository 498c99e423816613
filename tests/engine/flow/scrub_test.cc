// SPDX-License-Identifier: Apache-2.0
// scrub_test.cc - a scrub beside others on its thread, as in a storage agent.
#include "engine/flow/scrub.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

class ScrubBesideBackups : public testing::Test {
 protected:
  void SetUp() override { back_up(); }
  void back_up() {
    const auto device = disk_.device(world_.loop());
    const auto report = world_.backup(*device);
    ASSERT_TRUE(report) << report.error().text();
    made_.push_back({report->point, copy_of(disk_.content())});
  }
  void expect_all_restore() {
    for (const auto& [point, content] : made_) {
      const auto target =
          test::memory_device(world_.loop(), ByteVector(content.size(), std::byte{0xee}));
      const auto restored = world_.restore(point, *target);
      ASSERT_TRUE(restored) << restored.error().text();
      const auto wrong = test::first_wrong_sector(content, Bytes(target->content()));
      ASSERT_FALSE(wrong) << *wrong;
    }
  }

  // A pack from some byte on, with its parity: to its end, or its last tail stays.
  void rot() {
    std::vector<std::string> packs;
    for (const std::string& name : world_.folder().all_files()) {
      if (name.starts_with("packs/")) packs.push_back(name);
    }
    const std::string& pack = packs[random_->below(packs.size())];
    const std::size_t size = world_.folder().content(pack).size();
    const std::size_t tail = random_->below(2) == 0 ? 0 : (4_KiB).size();  // Of a small pack.
    const std::size_t end = size - tail;
    const std::size_t at = random_->below((64_KiB).size());  // Nearly all else is parity.
    world_.folder().overwrite(pack, ByteIndex(at), ByteVector(end - at, std::byte{0x55}));
  }
  // The same that a verification of each point for itself finds.
  void expect_damage_is_named() {
    const auto scrubbed = world_.scrub(ScrubMode::repair);
    ASSERT_TRUE(scrubbed) << scrubbed.error().text();
    std::map<PointId, std::set<BlockIndex>> said;
    for (const PointDamage& damage : scrubbed->points) {
      add_blocks(damage.damage, said[damage.point]);
    }
    const bool whole = (*world_.repository())->packs().whole();
    world_.close();  // What is open stays readable.
    std::map<PointId, std::set<BlockIndex>> found;
    const auto points = world_.points();
    ASSERT_TRUE(points) << points.error().text();
    for (const SignedPoint& point : *points) {
      const auto verified = world_.verify(point);
      ASSERT_TRUE(verified) << verified.error().text();
      for (const Damage& damage : verified->damages) add_blocks(damage, found[point.id]);
    }
    EXPECT_EQ(said, found);
    EXPECT_EQ(whole, found.empty());
  }
  static void add_blocks(const Damage& damage, std::set<BlockIndex>& blocks) {
    for (BlockIndex at = damage.blocks.begin; at < damage.blocks.end; at += BlockCount(1)) {
      blocks.insert(at);
    }
  }

  std::unique_ptr<Random> random_ = test::test_random();
  test::FlowWorld world_{random_->next_u64()};
  test::StampedDisk disk_{*random_, 300_KiB};
  std::vector<std::pair<SignedPoint, ByteVector>> made_;
};

// A backup's envelopes may come after the scrub looked at envelopes, and its packs before the scrub
// looks at packs; called noise and noted as lost, they would be lost to points that need them.
TEST_F(ScrubBesideBackups, CallsNoPackKeylessThatCameMeanwhile) {
  for (int round = 0; round < 8; ++round) {
    std::uint64_t breaths = 1 + random_->below(12);
    const auto breathe = [&]() -> Result<void> {
      if (--breaths == 0) {
        disk_.write(random_->below(disk_.sectors() - 100), 100);
        back_up();
      }
      return {};
    };
    const auto report = world_.scrub(ScrubMode::repair, breathe);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->sound()) << report->findings.front().file << ": "
                                 << report->findings.front().what;
    EXPECT_EQ(report->records_lost, 0u);
    EXPECT_TRUE((*world_.repository())->packs().whole());
  }
  world_.close();
  expect_all_restore();
}

TEST_F(ScrubBesideBackups, MendsWhatRotsWhileTheyRun) {
  for (int round = 0; round < 4; ++round) {
    for (const std::string& name : world_.folder().all_files()) {
      if (!name.starts_with("packs/")) continue;
      const ByteVector content = world_.folder().content(name);
      const std::size_t at = random_->below(content.size());
      const std::byte flipped = content[at] ^ std::byte{0x40};
      world_.folder().overwrite(name, ByteIndex(at), Bytes(&flipped, 1));
    }
    std::uint64_t breaths = 1 + random_->below(12);
    const auto breathe = [&]() -> Result<void> {
      if (--breaths == 0) {
        disk_.write(random_->below(disk_.sectors() - 100), 100);
        back_up();
      }
      return {};
    };
    const auto report = world_.scrub(ScrubMode::repair, breathe);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_FALSE(report->findings.empty());
    EXPECT_TRUE(report->mended()) << report->findings.front().what;
    const auto again = world_.scrub(ScrubMode::look);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(again->sound()) << again->findings.front().what;
  }
  expect_all_restore();
}

// In one process, as in a storage agent: what a look found must not keep a repair from noting it.
TEST_F(ScrubBesideBackups, NotesWhatALookFoundBefore) {
  disk_.write(0, disk_.sectors());
  back_up();
  for (const std::string& name : world_.folder().all_files()) {
    if (!name.starts_with("packs/")) continue;
    const ByteVector rot(world_.folder().content(name).size() - 100, std::byte{0x55});
    world_.folder().overwrite(name, ByteIndex(100), rot);
  }
  const auto looked = world_.scrub(ScrubMode::look);
  ASSERT_TRUE(looked) << looked.error().text();
  EXPECT_GT(looked->records_lost, 0u);
  EXPECT_TRUE((*world_.repository())->packs().lost().empty());
  const auto noted = world_.scrub(ScrubMode::repair);
  ASSERT_TRUE(noted) << noted.error().text();
  EXPECT_EQ(noted->records_lost, looked->records_lost);
  EXPECT_FALSE((*world_.repository())->packs().lost().empty());
  EXPECT_FALSE((*world_.repository())->packs().whole());
  // And the next backup heals what the volume still has.
  back_up();
  made_.erase(made_.begin(), made_.end() - 1);
  expect_all_restore();
}

TEST_F(ScrubBesideBackups, NotesAPackThatSomebodyTookAway) {
  for (const std::string& name : world_.folder().all_files()) {
    if (!name.starts_with("packs/")) continue;
    ASSERT_TRUE(world_.folder().remove(name));
  }
  const auto noted = world_.scrub(ScrubMode::repair);
  ASSERT_TRUE(noted) << noted.error().text();
  EXPECT_FALSE(noted->sound());
  EXPECT_FALSE(noted->points.empty());
  back_up();
  made_.erase(made_.begin(), made_.end() - 1);
  expect_all_restore();
}

// Without it nothing of the pack can be had, however sound its records are.
TEST_F(ScrubBesideBackups, NamesAllThatAPackWithoutItsHeaderHeld) {
  // More than the chunk that its header is in.
  const ByteVector content = test::random_bytes(*random_, (1_MiB).size());
  FlowWorld::BackupWishes wishes;
  wishes.volume = "large";
  ASSERT_TRUE(world_.backup(*test::memory_device(world_.loop(), content), wishes));
  for (const std::string& name : world_.folder().all_files()) {
    const std::size_t size = world_.folder().content(name).size();
    const std::size_t parity = (1_MiB + 20_KiB).size();  // Behind the data, to the last tail.
    if (!name.starts_with("packs/") || size < (2_MiB).size()) continue;
    world_.folder().overwrite(name, ByteIndex(0), ByteVector(64, std::byte{0x55}));
    world_.folder().overwrite(name, ByteIndex(parity),
                              ByteVector(size - (4_KiB).size() - parity, std::byte{0x55}));
  }
  expect_damage_is_named();
  // Also what no page of a map, which lay in it too, would tell.
  const std::set<LostRecord>& lost = (*world_.repository())->packs().lost();
  EXPECT_TRUE(std::ranges::any_of(
      lost, [](const LostRecord& r) { return r.at == 0 && r.and_all_after(); }));
}

// A disk that gives again what it did not give, or a file that was put back.
TEST_F(ScrubBesideBackups, TakesBackWhatIsThereAgain) {
  disk_.write(0, disk_.sectors());
  back_up();
  std::map<std::string, ByteVector> packs;
  for (const std::string& name : world_.folder().all_files()) {
    if (name.starts_with("packs/")) packs[name] = world_.folder().content(name);
  }
  for (int round = 0; round < 6; ++round) {
    for (const auto& [name, content] : packs) {
      // Its tails too, or not.
      const std::size_t end = content.size() - (round % 2 == 0 ? 0 : (4_KiB).size());
      const std::size_t at = random_->below((16_KiB).size());
      world_.folder().overwrite(name, ByteIndex(at), ByteVector(end - at, std::byte{0x55}));
    }
    const auto noted = world_.scrub(ScrubMode::repair);
    ASSERT_TRUE(noted) << noted.error().text();
    ASSERT_FALSE((*world_.repository())->packs().lost().empty());
    for (const auto& [name, content] : packs) {
      world_.folder().overwrite(name, ByteIndex(0), content);
    }
    // As whoever made the index anew in between.
    if (random_->below(2) == 0) world_.close();
    const auto looked = world_.scrub(ScrubMode::look);
    ASSERT_TRUE(looked) << looked.error().text();
    EXPECT_FALSE(looked->findings.empty());
    const auto again = world_.scrub(ScrubMode::repair);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(again->mended());
    EXPECT_TRUE((*world_.repository())->packs().lost().empty());
    EXPECT_TRUE((*world_.repository())->packs().whole());
    expect_damage_is_named();
  }
  expect_all_restore();
}

// What a point shares with the one before is not looked at again, and is told of it all the same.
TEST_F(ScrubBesideBackups, NamesTheBlocksThatEachPointLost) {
  FlowWorld::BackupWishes wishes;
  wishes.block_size = *BlockSize::of(4_KiB);
  for (int round = 0; round < 3; ++round) {
    for (int generation = 0; generation < 6; ++generation) {
      for (std::uint64_t i = random_->below(4); i > 0; --i) disk_.change();
      if (random_->below(4) == 0) disk_.resize(ByteCount(250'000 + random_->below(600'000)));
      wishes.volume = random_->below(4) == 0 ? "another" : "disk";
      const auto device = disk_.device(world_.loop());
      const auto report = world_.backup(*device, wishes);
      ASSERT_TRUE(report) << report.error().text();
    }
    rot();
    rot();
    expect_damage_is_named();
  }
}

// By pages that are read and names that are looked for.
TEST_F(ScrubBesideBackups, CostsOfAPointWhatChanged) {
  StampedDisk disk(*random_, 64_MiB);  // Of 4 KiB blocks: 4 segments, 256 leaves.
  const auto breaths = [&] {
    std::uint64_t count = 0;
    EXPECT_TRUE(world_.scrub(ScrubMode::look, [&]() -> Result<void> {
      ++count;
      return {};
    }));
    return count;
  };
  FlowWorld::BackupWishes wishes;
  wishes.block_size = *BlockSize::of(4_KiB);
  wishes.volume = "large";
  ASSERT_TRUE(world_.backup(*disk.device(world_.loop()), wishes));
  const std::uint64_t of_one = breaths();
  EXPECT_GE(of_one, 256u);
  for (int i = 0; i < 5; ++i) {
    disk.write(random_->below(disk.sectors()), 1);
    ASSERT_TRUE(world_.backup(*disk.device(world_.loop()), wishes));
  }
  EXPECT_LT(breaths(), of_one + 5 * 16);
}

TEST_F(ScrubBesideBackups, EndsWhenItIsToldTo) {
  std::uint64_t breaths = 0;
  const auto count = [&]() -> Result<void> {
    ++breaths;
    return {};
  };
  ASSERT_TRUE(world_.scrub(ScrubMode::look, count));
  EXPECT_GT(breaths, made_.size());
  const auto refuse = []() -> Result<void> { return fail(Error{ErrorKind::busy, "enough"}); };
  const auto ended = world_.scrub(ScrubMode::repair, refuse);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind(), ErrorKind::busy);
}

}  // namespace
}  // namespace ebb
