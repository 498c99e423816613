// SPDX-License-Identifier: Apache-2.0
// Backups of a tracked device read what was written, and their points restore bit for bit; a list
// of ranges from elsewhere does the same for any device or image.
#include <gtest/gtest.h>

#include "devmap/source/track/tracker.h"
#include "tests/support/block_writes.h"
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

class ChangedRangesBackup : public testing::Test {
 protected:
  void SetUp() override {
    make_image(disk_, size_);
    write_at(disk_, ByteIndex(0), random_bytes(*random_, (8_MiB).size()));
    ASSERT_TRUE(ebb_.init().ok());
    const EbbRun first = ebb_.backup(disk_, "disk");
    ASSERT_TRUE(first.ok()) << first;
    base_ = first.json["point"];
  }
  std::string list(const std::string& text) const {
    write_text(folder_ / "changed", "since " + base_.substr(0, 12) + "\n" + text);
    return folder_ / "changed";
  }
  void expect_whole() {
    const EbbRun compared = ebb_.run({"verify", "disk@latest", "--against", disk_});
    EXPECT_TRUE(compared.ok()) << compared;
  }

  const TemporaryFolder folder_;
  const std::string disk_ = folder_ / "disk.img";
  const ByteCount size_ = 64_MiB;
  const std::unique_ptr<Random> random_ = test_random();
  EbbProgram ebb_{folder_};
  std::string base_;
};

TEST_F(ChangedRangesBackup, ReadsWhatTheListNames) {
  write_at(disk_, ByteIndex(100), random_bytes(*random_, 1000));
  const EbbRun made = ebb_.backup(disk_, "disk", {"--changed", list("100 1000\n"), "--audit", "0"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["source"], "ranges");
  EXPECT_EQ(made.json["blocks_changed"], 1);
  EXPECT_FALSE(made.json["source_lied"]);
  expect_whole();
}

// The image's holes are passed over, and the rest of their map's segment is as it was.
TEST_F(ChangedRangesBackup, OfARangeThatBecameAHoleMakesItZeroAndLeavesTheRestAsItWas) {
  punch_hole(disk_, ByteRun::of(ByteIndex(0), 1_MiB));
  const EbbRun made =
      ebb_.backup(disk_, "disk", {"--changed", list("0 1048576\n"), "--audit", "0"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["source"], "ranges");
  EXPECT_EQ(made.json["blocks_changed"], 16);
  EXPECT_EQ(made.json["blocks_zero"], 16 + (64 - 8) * 16);
  expect_whole();
}

TEST_F(ChangedRangesBackup, ThatLeavesAChangeOutIsNoticedHealedAndNotTakenByItself) {
  // Half of all blocks changed, and the list is empty: no sample misses that.
  write_at(disk_, ByteIndex(0), random_bytes(*random_, (32_MiB).size()));
  const EbbRun made = ebb_.backup(disk_, "disk", {"--changed", list("")});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["source"], "scan");
  EXPECT_TRUE(made.json["source_lied"]);
  EXPECT_NE(made.json["notes"].dump().find("not believed"), std::string::npos) << made;
  expect_whole();
}

TEST_F(ChangedRangesBackup, ByAListAboutAnotherPointIsRefused) {
  write_text(folder_ / "other", "since 000000000000\n0 1\n");
  const EbbRun made = ebb_.backup(disk_, "disk", {"--changed", folder_ / "other"});
  EXPECT_FALSE(made.ok());
  EXPECT_NE(made.err.find("not the volume's last"), std::string::npos) << made;
  const EbbRun wrong = ebb_.backup(disk_, "disk", {"--changed", list("64K 5\n")});
  EXPECT_FALSE(wrong.ok());
  EXPECT_NE(wrong.err.find("line 2"), std::string::npos) << wrong;
}

class TrackedBackup : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    if (const std::string why = why_no_tracker(); !why.empty()) GTEST_SKIP() << why;
    make_image(image_, size_);
    write_at(image_, ByteIndex(0), random_bytes(*random_, size_.size()));
    device_ = LoopDevice::attach(image_).value();
    ASSERT_TRUE(ebb_.init().ok());
    ASSERT_TRUE(track("start")) << "tracking begins";
  }
  void TearDown() override {
    if (device_ != nullptr) track("stop");
  }
  bool track(const std::string& verb) { return ebb_.run({"track", verb, device_->path()}).ok(); }
  EbbRun backup(const EbbProgram::Arguments& more = {}) {
    const EbbRun made = ebb_.backup(device_->path(), "disk", more);
    EXPECT_TRUE(made.ok()) << made;
    if (!made.ok()) return made;
    const EbbRun compared = ebb_.run({"verify", "disk@latest", "--against", device_->path()});
    EXPECT_TRUE(compared.ok()) << compared;
    return made;
  }

  const TemporaryFolder folder_;
  const std::string image_ = folder_ / "disk.img";
  const ByteCount size_ = 64_MiB;
  const std::unique_ptr<Random> random_ = test_random();
  std::unique_ptr<LoopDevice> device_;
  EbbProgram ebb_{folder_};
};

TEST_F(TrackedBackup, ReadsWhatWasWrittenInEveryWay) {
  EXPECT_EQ(backup().json["source"], "scan");
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 8; ++i) disturb(device_->path(), size_, *random_);
    const EbbRun made = backup({"--source", "tracker"});
    EXPECT_EQ(made.json["source"], "tracker") << made;
    EXPECT_FALSE(made.json["source_lied"]);
    EXPECT_LT(made.json["bytes_read"].get<std::uint64_t>(), size_.value()) << made;
  }
}

TEST_F(TrackedBackup, IsChosenByItselfAndTellsWhichSourceItWas) {
  backup();
  write_direct(device_->path(), ByteRun::of(ByteIndex((1_MiB).value()), 64_KiB), 7);
  const EbbRun made = backup();
  EXPECT_EQ(made.json["source"], "tracker");
  EXPECT_EQ(made.json["blocks_changed"], 1);
  const EbbRun points = ebb_.run({"points"});
  ASSERT_TRUE(points.ok()) << points;
  EXPECT_EQ(points.json[1]["source"], "tracker");
  EXPECT_GT(points.json[1]["blocks_audited"], 0);
}

TEST_F(TrackedBackup, ThatIsStoppedOnTheWayLosesNoMark) {
  backup();
  write_direct(device_->path(), ByteRun::of(ByteIndex((1_MiB).value()), 64_KiB), 7);
  // It may have closed an epoch by then.
  const auto run = ebb_.start({"backup", device_->path(), "--volume", "disk"});
  run->kill_after(std::chrono::microseconds(random_->below(60'000)));
  run->exit_code();
  write_direct(device_->path(), ByteRun::of(ByteIndex((5_MiB).value()), 64_KiB), 8);
  EXPECT_TRUE(backup().ok());
}

TEST_F(TrackedBackup, OfATrackerThatWasBegunAnewReadsEverything) {
  backup();
  ASSERT_TRUE(track("stop"));
  write_direct(device_->path(), ByteRun::of(ByteIndex((1_MiB).value()), 64_KiB), 7);
  ASSERT_TRUE(track("start"));
  const EbbRun made = backup();
  EXPECT_EQ(made.json["source"], "scan");
  EXPECT_NE(made.json["source_said"].dump().find("not tracked all the time"), std::string::npos)
      << made;
  EXPECT_EQ(backup().json["source"], "tracker");
}

TEST_F(TrackedBackup, BySomebodyWhoInsistsFailsWhereNothingTracks) {
  backup();
  ASSERT_TRUE(track("stop"));
  const EbbRun refused = ebb_.backup(device_->path(), "disk", {"--source", "tracker"});
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.err.find("ebb track start"), std::string::npos) << refused;
  ASSERT_TRUE(track("start"));
}

}  // namespace
}  // namespace ebb::test
