// SPDX-License-Identifier: Apache-2.0
// A storage agent that looks after its repository by itself, as a real process: beside backups,
// killed at any moment, and on a disk that fills up. What stays restores bit for bit.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

class Housekeeping : public testing::Test {
 protected:
  void SetUp() override {
    ebb_.address = StorageProgram::address_by(folder_ / "agent.sock");
    fs::create_directories(folder_ / "state/storage");
    make_image(disk_, 6_MiB);
    oracle_.emplace(disk_, 6_MiB, random_->next_u64());
    oracle_->fill();
  }
  void start_agent(Words more = {}) {
    more.insert(more.end(), {"--state", folder_ / "state"});
    agent_ = std::make_unique<StorageProgram>(folder_ / "agent.sock", ebb_.repository, more);
  }
  EbbRun try_to_back_up() const {
    return ebb_.backup(disk_, "disk", {"--block-size", "16K", "--compress", "none"});
  }
  EbbRun back_up() {
    EbbRun made = try_to_back_up();
    note_points();
    return made;
  }
  // Whatever point came is of what the disk holds now, whether its backup was told so or not.
  void note_points() {
    const EbbRun listed = ebb_.run({"points"});
    ASSERT_TRUE(listed.ok()) << listed;
    for (const auto& point : listed.json) {
      made_.try_emplace(point["point"].get<std::string>(), oracle_->state());
    }
  }
  // As the manager's word is kept. No agent runs.
  void keep_last(unsigned count) {
    const EbbRun looked =
        ebb_.run({"prune", "--keep-last", "1", "--dry-run", "--repo", ebb_.repository});
    ASSERT_TRUE(looked.ok()) << looked;
    const std::string volume = looked.json["points"][0]["volume_id"];
    const nlohmann::json state = {{"keep", {{"disks", {{volume, {{"last", count}}}}}}}};
    write_text(folder_ / "state/storage/state.json", state.dump());
  }
  std::size_t said(const std::string& what) const {
    const std::string all = agent_->errors();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = all.find(what, at)) != std::string::npos; ++at) ++count;
    return count;
  }
  void wait_until_said(const std::string& what, std::size_t times = 1) {
    for (int i = 0; i < 6000 && said(what) < times; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_GE(said(what), times) << what << " in:\n" << agent_->errors();
  }
  void expect_all_points_restore(std::size_t least) {
    const EbbRun listed = ebb_.run({"points"});
    ASSERT_TRUE(listed.ok()) << listed;
    EXPECT_GE(listed.json.size(), least);
    for (const auto& point : listed.json) {
      const std::string target = folder_ / "target.img";
      fs::remove(target);
      const EbbRun restored = ebb_.restore(point["point"], target);
      ASSERT_TRUE(restored.ok()) << restored;
      ASSERT_EQ(first_wrong_sector(target, made_.at(point["point"])), "");
    }
  }

  const std::unique_ptr<Random> random_ = test_random();
  const TemporaryFolder folder_;
  EbbProgram ebb_{folder_};
  const std::string disk_ = folder_ / "disk.img";
  std::optional<StampedDevice> oracle_;
  std::map<std::string, StampedDevice::State> made_;
  std::unique_ptr<StorageProgram> agent_;
};

TEST_F(Housekeeping, BesideBackupsAndKilledAtAnyMomentKeepsWhatTheRuleSays) {
  constexpr unsigned kept = 3;
  start_agent();
  ASSERT_TRUE(ebb_.init().ok());
  ASSERT_TRUE(back_up().ok());
  ASSERT_EQ(agent_->stop(), 0);
  keep_last(kept);
  const Words busy{"--retention-every", "1s", "--scrub-every", "2s"};
  start_agent(busy);
  std::size_t killed = 0;
  for (int round = 0; round < 14; ++round) {
    oracle_->change(*random_, 40);
    if (round % 5 == 0) oracle_->fill();
    const bool kills = random_->below(2) == 0;
    std::thread killer([&, time = std::chrono::milliseconds(random_->below(1500))] {
      if (!kills) return;
      std::this_thread::sleep_for(time);
      agent_->kill();
      agent_->start();
    });
    EbbRun made = try_to_back_up();
    killer.join();
    note_points();
    killed += kills ? 1 : 0;
    // An agent that was started anew lost what it had answered, and says so.
    for (int i = 0; i < 20 && !made.ok(); ++i) made = back_up();
    ASSERT_TRUE(made.ok()) << made;
    if (HasFatalFailure()) return;
  }
  // Once more in peace.
  ASSERT_EQ(agent_->stop(), 0);
  start_agent(busy);
  wait_until_said("ended chore=prune");
  wait_until_said("ended chore=collect");
  wait_until_said("ended chore=scrub");
  EXPECT_EQ(said("INCOMPLETE"), 0u) << agent_->errors();
  EXPECT_EQ(said("failed chore"), 0u) << agent_->errors();
  ASSERT_EQ(agent_->stop(), 0);
  start_agent({"--retention-every", "off", "--scrub-every", "off"});
  const EbbRun listed = ebb_.run({"points"});
  ASSERT_TRUE(listed.ok()) << listed;
  EXPECT_EQ(listed.json.size(), kept);
  expect_all_points_restore(kept);
  const EbbRun scrubbed = ebb_.run({"scrub"});
  EXPECT_TRUE(scrubbed.ok()) << scrubbed;
  const EbbRun collected = ebb_.run({"collect"});
  EXPECT_TRUE(collected.ok()) << collected;
}

TEST_F(Housekeeping, HoldsTheMinimumAgeAgainstTheRule) {
  start_agent();
  ASSERT_TRUE(ebb_.init().ok());
  for (int i = 0; i < 3; ++i) {
    oracle_->change(*random_, 10);
    ASSERT_TRUE(back_up().ok());
  }
  ASSERT_TRUE(ebb_.run({"prune", "--keep-last", "9", "--raise-minimum-age", "1d"}).ok());
  ASSERT_EQ(agent_->stop(), 0);
  keep_last(1);
  start_agent({"--retention-every", "1s"});
  wait_until_said("ended chore=prune");
  ASSERT_EQ(agent_->stop(), 0);
  EXPECT_EQ(said("removed 0 of 3 points"), said("ended chore=prune")) << agent_->errors();
  start_agent();
  expect_all_points_restore(3);
}

TEST_F(Housekeeping, EndsAtOnceWithTheAgentWhateverItWaitsFor) {
  start_agent({"--retention-every", "1s", "--scrub-every", "1s"});
  ASSERT_TRUE(ebb_.init().ok());
  for (int i = 0; i < 4; ++i) {
    oracle_->fill();
    ASSERT_TRUE(back_up().ok());
    ASSERT_EQ(agent_->stop(), 0) << agent_->errors();
    start_agent({"--retention-every", "1s", "--scrub-every", "1s"});
    std::this_thread::sleep_for(std::chrono::milliseconds(random_->below(1200)));
  }
  ASSERT_EQ(agent_->stop(), 0) << agent_->errors();
}

TEST_F(Housekeeping, KeepsRoomOnADiskThatFillsUpAndGivesItBack) {
  EBB_NEEDS_LOOP_DEVICES();
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  make_image(folder_ / "repository-disk.img", 128_MiB);
  ASSERT_TRUE(
      run_program({"mkfs.ext4", "-q", "-F", "-m", "0", folder_ / "repository-disk.img"}).ok());
  const auto disk = LoopDevice::attach(folder_ / "repository-disk.img");
  ASSERT_TRUE(disk.has_value());
  const TemporaryFolder there;
  const auto mount = Mount::at((*disk)->path(), there.path(), "ext4");
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  ebb_.repository = there / "repository";
  // Before the disk goes.
  struct AgentEnds {
    std::unique_ptr<StorageProgram>& agent;
    ~AgentEnds() { agent.reset(); }
  } const ends{agent_};
  start_agent({"--leave-free", "24M", "--leave-free-percent", "5"});
  ASSERT_TRUE(ebb_.init().ok());
  for (int i = 0; i < 2; ++i) {
    oracle_->fill();
    ASSERT_TRUE(back_up().ok());
  }
  const auto free = [&] { return std::filesystem::space(there.path()).available; };
  // What a file system has left need not be one piece.
  const auto fill_to_the_last_byte = [&] {
    const UniqueFd fd(::open((there / "last").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd.is_open());
    for (const std::size_t piece : {1u << 20, 4096u}) {
      const ByteVector bytes = random_bytes(*random_, piece);
      while (::write(fd.get(), bytes.data(), bytes.size()) > 0) {
      }
    }
    ASSERT_EQ(::fsync(fd.get()), 0);
  };
  const auto fill_up_to = [&](ByteCount left) {
    const std::string filler = there / fmt::format("filler{}", left.value());
    const UniqueFd fd(::open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd.is_open());
    ASSERT_EQ(::posix_fallocate(fd.get(), 0, static_cast<off_t>(free() - left.value())), 0);
  };
  // A run that began with room to go on, and then there is none: it ends, in words.
  const std::string large = folder_ / "large.img";
  make_image(large, 60_MiB);
  write_at(large, ByteIndex(0), random_bytes(*random_, (60_MiB).size()));
  fill_up_to(30_MiB);
  const EbbRun ended = ebb_.backup(large, "large");
  EXPECT_TRUE(ended.is(ExitCode::failed)) << ended;
  // It may have filled the disk between two of the agent's looks.
  const bool in_time = ended.err.find("this backup ends") != std::string::npos;
  EXPECT_TRUE(in_time || ended.err.find("No space left") != std::string::npos) << ended;
  // None begins. How much the one that ended has left depends on how far its packs were, and what
  // was not whole is given back a moment later.
  for (int i = 0; i < 150 && free() <= (12_MiB).value(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (free() > (12_MiB).value()) fill_up_to(12_MiB);
  const EbbRun refused = ebb_.backup(disk_, "disk");
  EXPECT_TRUE(refused.is(ExitCode::failed)) << refused;
  EXPECT_NE(refused.err.find("no backup begins"), std::string::npos) << refused;
  // Nothing that was committed is lost, and what only a removed point needs is given back, as is
  // what the backup that ended has left.
  EXPECT_EQ(ebb_.run({"points"}).json.size(), 2u);
  const std::uint64_t before = free();
  const EbbRun pruned = ebb_.run({"prune", "--keep-last", "1"});
  ASSERT_TRUE(pruned.ok()) << pruned;
  const EbbRun collected = ebb_.run({"collect"});
  ASSERT_TRUE(collected.ok()) << collected;
  EXPECT_GT(free(), before) << collected;
  std::filesystem::remove(there / fmt::format("filler{}", (12_MiB).value()));
  expect_all_points_restore(1);
  oracle_->fill();
  EXPECT_TRUE(back_up().ok());
  // To the last byte: a prune and a collection still give back what they can.
  fill_to_the_last_byte();
  EXPECT_LT(free(), (1_MiB).value());
  ASSERT_TRUE(ebb_.run({"prune", "--keep-last", "1"}).ok());
  const EbbRun full = ebb_.run({"collect"});
  EXPECT_TRUE(full.ok()) << full;
  EXPECT_GT(full.json["bytes_freed"].get<std::uint64_t>(), 0u) << full;
  expect_all_points_restore(1);
}

}  // namespace
}  // namespace ebb::test
