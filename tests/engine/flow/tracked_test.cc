// SPDX-License-Identifier: Apache-2.0
// tracked_test.cc - backups that read what a change source says, with sources that tell the truth,
// cannot say, or lie.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/flow_world.h"
#include "tests/support/packs.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

constexpr ByteCount block = 4_KiB;

// Knows the truth, since it keeps what the disk was when each of its tokens was made; and may keep
// some of it to itself.
class KnowingSource final : public ChangeSource {
 public:
  explicit KnowingSource(const StampedDisk& disk) : disk_(disk) {}

  SourceKind kind() const override { return SourceKind::tracker; }
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override {
    const std::string mine = std::to_string(next_++);
    Answer answer;
    answer.token = ProofToken{kind(), {{"generation", mine}}};
    pending_ = {mine, copy_of(disk_.content())};
    if (since == nullptr || !since->token) {
      answer.why = "it watches from now on";
      return answer;
    }
    const auto before = kept_.find(since->token->facts.at("generation"));
    if (before == kept_.end()) {
      answer.why = "it was begun anew since the last point";
      return answer;
    }
    DirtyMap changed = DirtyMap::clean(grid);
    hidden_ = 0;
    for (BlockIndex at(0); at < grid.all().end; at += BlockCount(1)) {
      const ByteRun run = grid.bytes_of(at);
      const auto part = [&](Bytes of) {
        return of.subspan(static_cast<std::size_t>(run.begin.value()), run.length().size());
      };
      if (same_bytes(part(disk_.content()), part(before->second))) continue;
      if (keeps_back && keeps_back(at)) {
        ++hidden_;
        continue;
      }
      changed.mark(BlockRun::of(at, BlockCount(1)));
    }
    answer.changed = std::move(changed);
    answer.why = "it knows";
    return answer;
  }
  Result<bool> may_have_changed_meanwhile(ByteRun) override { return in_use; }
  Result<void> committed() override {
    kept_.clear();
    kept_.insert(std::move(pending_));
    return {};
  }
  void forget() { kept_.clear(); }
  std::uint64_t hidden() const { return hidden_; }

  std::function<bool(BlockIndex)> keeps_back;
  bool in_use = false;

 private:
  const StampedDisk& disk_;
  std::uint64_t next_ = 1;
  std::map<std::string, ByteVector> kept_;
  std::pair<std::string, ByteVector> pending_;
  std::uint64_t hidden_ = 0;
};

class Tracked : public testing::Test {
 protected:
  Tracked() : world_(random_->next_u64()), disk_(*random_, 4_MiB), source_(disk_) {
    wishes_.block_size = *BlockSize::of(block);
    wishes_.changes = &source_;
    wishes_.audit = {0, 0, 0, ByteCount()};  // Nothing, unless a test is about that.
  }
  // The disk keeps its size, which is another test's subject.
  void change() {
    const std::uint64_t count = 1 + random_->below(200);
    const std::uint64_t at = random_->below(disk_.sectors() - count);
    switch (random_->below(3)) {
      case 0: return disk_.write(at, count);
      case 1: return disk_.zero(at, count);
      default: return disk_.duplicate(random_->below(disk_.sectors() - count), at, count);
    }
  }
  Result<BackupReport> backup() {
    const auto device = disk_.device(world_.loop());
    return world_.backup(*device, wishes_);
  }
  BackupReport must_backup() {
    auto report = backup();
    EBB_CHECK(report.has_value(), report ? "" : report.error().text());
    return std::move(*report);
  }
  void expect_restores(const BackupReport& report) {
    const auto target = test::memory_device(world_.loop(), ByteVector(disk_.size().size()));
    const auto restored = world_.restore(report.point, *target);
    ASSERT_TRUE(restored) << restored.error().text();
    const auto wrong = test::first_wrong_sector(disk_.content(), target->content());
    EXPECT_FALSE(wrong) << *wrong;
  }
  std::uint64_t zero_blocks() const {
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < disk_.content().size(); at += block.size()) {
      if (all_zero(disk_.content().subspan(at, block.size()))) ++count;
    }
    return count;
  }
  void expect_scan(const BackupReport& report, const std::string& reason) {
    EXPECT_EQ(report.point.point.found_by, SourceKind::scan);
    EXPECT_EQ(report.counts.read, disk_.size());
    EXPECT_NE(report.source_said.find(reason), std::string::npos) << report.source_said;
    expect_restores(report);
  }

  const std::unique_ptr<Random> random_ = seeded_random(test::test_seed());
  FlowWorld world_;
  StampedDisk disk_;
  KnowingSource source_;
  FlowWorld::BackupWishes wishes_;
};

TEST_F(Tracked, RunsReadWhatTheSourceSaysAndTheirPointsAreWhole) {
  disk_.zero(100, 3000);
  expect_scan(must_backup(), "first point");
  for (int generation = 0; generation < 12; ++generation) {
    for (std::uint64_t i = random_->below(4); i > 0; --i) change();
    if (random_->below(3) == 0) disk_.zero(random_->below(disk_.sectors() / 2), 900);
    const BackupReport report = must_backup();
    EXPECT_EQ(report.point.point.found_by, SourceKind::tracker);
    EXPECT_EQ(report.counts.read.value(), report.counts.changed.value() * block.value());
    EXPECT_EQ(report.counts.zero.value(), zero_blocks());
    expect_restores(report);
  }
}

TEST_F(Tracked, RunsReadEverythingWhenTheProofDoesNotHoldAndSayWhy) {
  must_backup();
  source_.forget();
  change();
  expect_scan(must_backup(), "begun anew");
  change();
  EXPECT_EQ(must_backup().point.point.found_by, SourceKind::tracker) << "the new token holds";
}

TEST_F(Tracked, RunsReadEverythingWhenTheLastPointIsNotTheirOwn) {
  must_backup();
  change();
  wishes_.remembered = RememberedPoint{1, world_.random().name<PointId>()};
  expect_scan(must_backup(), "not made by this host");
}

// It was killed after its point was published and before it had noted that.
TEST_F(Tracked, RunsKnowAPointThatWasOnlyPromisedForTheirOwn) {
  const BackupReport first = must_backup();
  change();
  const PointId other = world_.random().name<PointId>();
  wishes_.remembered = RememberedPoint{0, other, first.point.id};
  EXPECT_EQ(must_backup().point.point.found_by, SourceKind::tracker);
  EXPECT_EQ(world_.observer.notes, "");
}

TEST_F(Tracked, RunsReadEverythingWhenTheDeviceHasAnotherSize) {
  must_backup();
  disk_.resize(5_MiB);
  expect_scan(must_backup(), "size changed");
}

// Its index was lost with it: blocks that points name may be gone, and are offered again.
TEST_F(Tracked, RunsReadEverythingWhenTheRepositoryMayHaveLostSome) {
  must_backup();
  change();
  world_.close();
  expect_scan(must_backup(), "hold everything");
}

TEST_F(Tracked, RunsReadEverythingOfAnotherDevice) {
  must_backup();
  change();
  const auto device = disk_.device(world_.loop());
  Passport other = test::passport_of(*device);
  other.dm_uuid = "another";
  const auto report = world_.backup(*device, other, wishes_);
  ASSERT_TRUE(report) << report.error().text();
  expect_scan(*report, "another device");
}

TEST_F(Tracked, RunsReadEverythingWithOtherBlocks) {
  must_backup();
  change();
  wishes_.block_size = *BlockSize::of(8_KiB);
  expect_scan(must_backup(), "cannot be compared");
}

TEST_F(Tracked, RunsOfSomebodyWhoInsistsFailInstead) {
  must_backup();
  source_.forget();
  wishes_.insists_on_source = true;
  const auto report = backup();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind(), ErrorKind::mismatch);
  EXPECT_NE(report.error().text().find("begun anew"), std::string::npos) << report.error().text();
}

TEST_F(Tracked, ARunThatFailedLosesNothingOfWhatTheSourceKnew) {
  must_backup();
  disk_.write(80, 8);
  ASSERT_TRUE(world_.repository());
  {
    // Asked, and never told of a point.
    const BlockGrid grid(disk_.size(), *wishes_.block_size);
    ASSERT_TRUE(source_.ask(nullptr, grid));
  }
  disk_.write(4000, 8);
  const BackupReport report = must_backup();
  EXPECT_EQ(report.point.point.found_by, SourceKind::tracker);
  expect_restores(report);
}

TEST_F(Tracked, ALieIsFoundAndHealedWhenAllCleanBlocksAreLookedAt) {
  wishes_.audit = {1, 0, ~0ull, ByteCount()};
  must_backup();
  for (int round = 0; round < 5; ++round) {
    disk_.write(random_->below(disk_.sectors() - 8), 8);
    disk_.write(random_->below(disk_.sectors() - 8), 8);
    std::uint64_t seen = 0;
    source_.keeps_back = [&](BlockIndex) { return ++seen == 1; };
    const BackupReport report = must_backup();
    EXPECT_TRUE(report.source_lied);
    EXPECT_EQ(report.point.point.found_by, SourceKind::scan);
    expect_restores(report);
    // No token is left by a liar, so that nothing is built on it.
    source_.keeps_back = nullptr;
    change();
    expect_scan(must_backup(), "from now on");
  }
}

TEST_F(Tracked, ADifferenceThatCameAfterTheQuestionIsNoLie) {
  wishes_.audit = {1, 0, ~0ull, ByteCount()};
  must_backup();
  disk_.write(800, 8);
  source_.keeps_back = [](BlockIndex) { return true; };
  source_.in_use = true;
  const BackupReport report = must_backup();
  EXPECT_FALSE(report.source_lied);
  expect_restores(report);
}

// The sample finds a share p of missed blocks with a probability of 1 - (1 - p)^n.
TEST_F(Tracked, ALieIsFoundAsOftenAsTheBoundSays) {
  constexpr std::uint64_t sampled = 100;
  wishes_.audit = {0, sampled, sampled, ByteCount()};
  must_backup();
  const double blocks = static_cast<double>(disk_.size().value() / block.value());
  double expected = 0;
  double variance = 0;
  int found = 0;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 5; ++i) disk_.write(random_->below(disk_.sectors() / 8) * 8, 8);
    source_.keeps_back = [](BlockIndex) { return true; };
    const BackupReport report = must_backup();
    const double missed = static_cast<double>(source_.hidden()) / blocks;
    const double chance = 1 - std::pow(1 - missed, sampled);
    expected += chance;
    variance += chance * (1 - chance);
    found += report.source_lied ? 1 : 0;
    source_.keeps_back = nullptr;
    must_backup();  // A point that is right, and one with a token.
    wishes_.changes = nullptr;
    must_backup();
    wishes_.changes = &source_;
    must_backup();
  }
  EXPECT_NEAR(found, expected, 6 * std::sqrt(variance) + 1);
}

TEST_F(Tracked, TheSliceFindsWhatWasMissedOnceItHasGoneRound) {
  wishes_.audit = {0, 0, 0, 1_GiB, 8};
  must_backup();
  disk_.write(random_->below(disk_.sectors() - 8), 8);
  source_.keeps_back = [](BlockIndex) { return true; };
  int runs = 0;
  bool lied = false;
  while (!lied && runs < 9) {
    const BackupReport report = must_backup();
    source_.keeps_back = nullptr;  // From here on it says that nothing has changed.
    lied = report.source_lied;
    if (lied) expect_restores(report);
    ++runs;
  }
  EXPECT_TRUE(lied) << runs;
}

TEST_F(Tracked, ADamagedMapOfTheLastPointMakesTheRunReadEverything) {
  must_backup();
  disk_.write(0, 8);
  int pages = 0;
  for (const std::string& name : world_.folder().all_files()) {
    if (name.starts_with("packs/")) pages += test::spoil_pages(world_.folder(), name);
  }
  ASSERT_GT(pages, 0);
  const BackupReport report = must_backup();
  EXPECT_FALSE(report.source_lied);
  EXPECT_EQ(report.point.point.found_by, SourceKind::scan) << report.source_said;
  EXPECT_NE(world_.observer.notes.find("so everything is read"), std::string::npos)
      << world_.observer.notes;
  expect_restores(report);
}

TEST(ChangeProofs, AreKeptInAPointsLabel) {
  const auto random = test::test_random();
  IdKey key;
  random->fill(key.room());
  Point point;
  point.grid = BlockGrid(1_MiB, BlockSize::standard());
  PointAbout about;
  about.volume_name = "disk";
  about.passport.shape.size = 1_MiB;
  about.changes = {ProofToken{SourceKind::tracker, {{"boot", "b"}, {"epoch", "7"}}}, 16, 4,
                   BlockIndex(3)};
  point.about = seal_about(about, point, key, *random);
  const auto opened = open_about(point, key);
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->changes.token, about.changes.token);
  EXPECT_EQ(opened->changes.clean, 16u);
  EXPECT_EQ(opened->changes.audited, 4u);
  EXPECT_EQ(opened->changes.slice_end, BlockIndex(3));
}

}  // namespace
}  // namespace ebb
