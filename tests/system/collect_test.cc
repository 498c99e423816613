// SPDX-License-Identifier: Apache-2.0
// A repository over its life: many backups, points that are pruned, garbage that is collected, and
// others at work meanwhile. What stays restores bit for bit, and room is given back.
#include <signal.h>

#include <filesystem>
#include <thread>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;

struct Generation {
  std::string point;
  StampedDevice::State state;
};

class Collect : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(ebb_.init().ok()); }

  void make_disk(ByteCount size) {
    make_image(disk_, size);
    oracle_.emplace(disk_, size, random_->next_u64());
    oracle_->fill();
  }
  // `days` ago.
  void back_up(int days) {
    const EbbRun made = ebb_.backup(disk_, "disk", {"--block-size", "16K", "--compress", "none"});
    ASSERT_TRUE(made.ok()) << made;
    made_.push_back({made.json["point"], oracle_->state()});
    for (const auto& file : fs::recursive_directory_iterator(ebb_.repository + "/points")) {
      if (file.path().string().ends_with(made_.back().point)) {
        fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::hours(24 * days));
      }
    }
  }
  void expect_restores(const Generation& generation) {
    fs::remove(target_);
    const EbbRun restored = ebb_.restore(generation.point, target_);
    ASSERT_TRUE(restored.ok()) << restored;
    ASSERT_EQ(first_wrong_sector(target_, generation.state), "");
  }
  void expect_sound() {
    const EbbRun verified = ebb_.run({"verify"});
    EXPECT_TRUE(verified.ok()) << verified;
  }

  const std::unique_ptr<Random> random_ = test_random();
  const TemporaryFolder folder_;
  const EbbProgram ebb_{folder_};
  const std::string disk_ = folder_ / "disk.img";
  const std::string target_ = folder_ / "target.img";
  std::optional<StampedDevice> oracle_;
  std::vector<Generation> made_;
};

TEST_F(Collect, GivesBackRoomAndEveryKeptPointRestoresBitForBit) {
  make_disk(12_MiB);
  constexpr int days = 12;
  for (int day = days; day > 0; --day) {
    oracle_->change(*random_, 20);
    if (day == 6) oracle_->fill();
    back_up(day);
  }
  const std::uint64_t before = bytes_in_packs(ebb_.repository);
  const EbbRun pruned = ebb_.run({"prune", "--keep-last", "2", "--keep-daily", "2"});
  ASSERT_TRUE(pruned.ok()) << pruned;
  EXPECT_EQ(pruned.json["removed"], days - 4);
  made_.erase(made_.begin(), made_.end() - 4);
  EXPECT_EQ(bytes_in_packs(ebb_.repository), before) << "a prune touches no pack";
  const EbbRun collected = ebb_.run({"collect"});
  ASSERT_TRUE(collected.ok()) << collected;
  const std::uint64_t after = bytes_in_packs(ebb_.repository);
  EXPECT_LT(after, before / 2);
  EXPECT_EQ(before - after, collected.json["bytes_freed"].get<std::uint64_t>() -
                                collected.json["bytes_written"].get<std::uint64_t>());
  EXPECT_TRUE(fs::is_empty(ebb_.repository + "/tmp"));
  for (const Generation& generation : made_) expect_restores(generation);
  expect_sound();
  // The repository still knows all that it has.
  const EbbRun again = ebb_.backup(disk_, "disk");
  EXPECT_EQ(again.json["blocks_shipped"], 0) << again;
  fs::remove_all(ebb_.repository + "/index");
  EXPECT_EQ(ebb_.backup(disk_, "disk").json["blocks_shipped"], 0);
}

TEST_F(Collect, ARestoreInAnotherProcessEndsRightAlthoughItsPointIsPruned) {
  make_disk(100_MiB);
  back_up(3);
  oracle_->fill();
  back_up(2);
  const Generation old = made_.front();
  // It is held up half-way, when it knows where everything lies.
  const auto restoring = ebb_.start([&] {
    auto arguments = ebb_.restore_arguments(old.point, target_);
    arguments.push_back("--yes");
    return arguments;
  }());
  while (restoring->runs() && !fs::exists(target_)) std::this_thread::sleep_for(microseconds(200));
  restoring->signal(SIGSTOP);
  const bool held_up = restoring->runs();  // Else it was too quick.

  const std::size_t packs = packs_of(ebb_.repository).size();
  ASSERT_TRUE(ebb_.run({"prune", "--keep-last", "1"}).ok());
  const EbbRun left = ebb_.run({"collect"});
  EXPECT_TRUE(left.ok()) << left;
  if (held_up) {
    EXPECT_GT(left.json["packs_left"], 0) << left;
    EXPECT_NE(left.json["waits_for"], "") << left;
    EXPECT_EQ(packs_of(ebb_.repository).size(), packs);
  }

  restoring->signal(SIGCONT);
  const EbbRun restored = end_of(*restoring);
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(first_wrong_sector(target_, old.state), "");
  const EbbRun collected = ebb_.run({"collect"});
  EXPECT_TRUE(collected.ok()) << collected;
  EXPECT_LT(packs_of(ebb_.repository).size(), packs);
  expect_restores(made_.back());
  expect_sound();
}

TEST_F(Collect, RestoresAndBackupsAndCollectionsAtOnceLoseNothing) {
  make_disk(24_MiB);
  for (int day = 9; day > 6; --day) {
    oracle_->change(*random_, 60);
    back_up(day);
  }
  for (int round = 0; round < 6; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    oracle_->change(*random_, 60);
    fs::remove(target_);
    const Generation wanted = made_.back();
    const auto restoring = ebb_.start(ebb_.restore_arguments(wanted.point, target_));
    std::this_thread::sleep_for(microseconds(random_->below(100'000)));
    ASSERT_TRUE(ebb_.run({"prune", "--keep-last", "2"}).ok());
    const EbbRun collected = ebb_.run({"collect", "--rewrite-from", "1"});
    EXPECT_TRUE(collected.ok()) << collected;
    const EbbRun restored = end_of(*restoring);
    ASSERT_TRUE(restored.ok()) << restored;
    EXPECT_EQ(first_wrong_sector(target_, wanted.state), "");
    back_up(6 - round);
  }
  for (std::size_t i = made_.size() - 2; i < made_.size(); ++i) expect_restores(made_[i]);
  expect_sound();
}

TEST_F(Collect, KilledAtAnyTimeLosesNothingAndTheNextOneFinishes) {
  make_disk(24_MiB);
  for (int day = 6; day > 0; --day) {
    oracle_->change(*random_, 200);
    back_up(day);
  }
  ASSERT_TRUE(ebb_.run({"prune", "--keep-last", "2"}).ok());
  made_.erase(made_.begin(), made_.end() - 2);
  for (int i = 0; i < 12; ++i) {
    SCOPED_TRACE(fmt::format("kill {}", i));
    const auto running = ebb_.start({"collect", "--rewrite-from", "1"});
    running->kill_after(microseconds(random_->below(120'000)));
    if (i % 4 == 3) expect_sound();
  }
  const EbbRun collected = ebb_.run({"collect", "--rewrite-from", "1"});
  ASSERT_TRUE(collected.ok()) << collected;
  const EbbRun nothing = ebb_.run({"collect", "--rewrite-from", "1"});
  EXPECT_EQ(nothing.json["packs_removed"], 0) << nothing;
  EXPECT_TRUE(fs::is_empty(ebb_.repository + "/tmp"));
  for (const Generation& generation : made_) expect_restores(generation);
  expect_sound();
}

TEST_F(Collect, BesideABackupIsToldToWait) {
  make_disk(100_MiB);
  const auto running = ebb_.start({"backup", disk_, "--volume", "disk"});
  while (running->runs() && fs::is_empty(ebb_.repository + "/tmp")) {
    std::this_thread::sleep_for(microseconds(200));
  }
  running->signal(SIGSTOP);
  if (running->runs()) {  // Else it was too quick to be held up.
    EXPECT_TRUE(ebb_.run({"collect"}).is(ExitCode::busy));
    EXPECT_TRUE(ebb_.run({"prune", "--keep-last", "1"}).is(ExitCode::busy));
    EXPECT_TRUE(ebb_.run({"collect", "--dry-run"}).ok());
  }
  running->signal(SIGCONT);
  EXPECT_TRUE(end_of(*running).ok());
  EXPECT_TRUE(ebb_.run({"collect"}).ok());
  expect_sound();
}

}  // namespace
}  // namespace ebb::test
