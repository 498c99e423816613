// SPDX-License-Identifier: Apache-2.0
// networks_test.cc - a manager, a storage agent and hosts that back up, each with a network stack
// of its own, while the links between them are cut, slowed, made lossy and mended: what was begun
// ends whole, and nothing that was committed is lost.
#include <filesystem>
#include <thread>

#include "tests/support/image_file.h"
#include "tests/support/network_of_hosts.h"
#include "tests/support/parties.h"
#include "tests/support/run_program.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class TroubledNetwork : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_NETWORKS();
    network_ = std::make_unique<NetworkOfHosts>(
        std::vector<std::string>{"manager", "store", "web1", "ann"});
    parties_ = std::make_unique<Parties>(*network_, folder_, *random_);
    parties_->make({"web1"});
    make_image(disk_, size_);
    change_disk(size_);
  }

  void change_disk(ByteCount bytes) {
    const std::uint64_t at = random_->below(size_.value() - bytes.value() + 1);
    write_at(disk_, ByteIndex(at), random_bytes(*random_, bytes.size()));
  }
  std::unique_ptr<StartedProgram> start_backup() {
    return parties_->start_ebb("web1", {"backup", disk_, "--volume", "disk"});
  }
  std::unique_ptr<StartedProgram> start_restore(const std::string& host, const std::string& point) {
    std::filesystem::remove(target_);
    return parties_->start_ebb(
        host, {"restore", point, target_, "--yes", "--journal", folder_ / "journal"});
  }
  void expect_restored(const EbbRun& restored, const std::string& image) {
    ASSERT_TRUE(restored.ok()) << restored;
    const ProgramResult compared = run_program({"cmp", target_, image});
    EXPECT_TRUE(compared.ok()) << compared.output;
  }
  void expect_all_sound() {
    const EbbRun verified = parties_->ebb("ann", {"verify"});
    EXPECT_TRUE(verified.ok()) << verified;
  }
  milliseconds up_to(milliseconds most) {
    return milliseconds(random_->below(static_cast<std::uint64_t>(most.count())));
  }
  // So that what is sent takes a while, and troubles find it on its way.
  void set_good(const std::string& host) { network_->set(host, {usual_rate_, 0, {}}); }

  void make_trouble(const std::string& host) {
    switch (random_->below(4)) {
      case 0:
        network_->cut(host);
        std::this_thread::sleep_for(up_to(milliseconds(1500)));
        network_->mend(host);
        return;
      case 1: network_->set(host, {ByteCount((256 + random_->below(2048)) << 10), 0, {}}); break;
      case 2:
        network_->set(host, {usual_rate_, static_cast<unsigned>(1 + random_->below(15)), {}});
        break;
      default: network_->reset_connections(host); return;
    }
    std::this_thread::sleep_for(up_to(milliseconds(1000)));
    set_good(host);
  }
  // The program has so many troubles at most, or its end would be a matter of luck.
  EbbRun end_in_trouble(StartedProgram& program, const std::string& host) {
    for (int left = 8; left > 0 && program.runs(); --left, ++troubles_) {
      std::this_thread::sleep_for(up_to(milliseconds(400)));
      if (program.runs()) make_trouble(random_->below(2) == 0 ? host : "store");
    }
    return end_of(program);
  }

  const TemporaryFolder folder_;
  const std::unique_ptr<Random> random_ = test_random();
  const ByteCount size_ = 24_MiB;
  const ByteCount usual_rate_ = 12_MiB;
  const std::string disk_ = folder_ / "disk.img";
  const std::string target_ = folder_ / "restored.img";
  std::unique_ptr<NetworkOfHosts> network_;
  std::unique_ptr<Parties> parties_;
  unsigned troubles_ = 0;
};

TEST_F(TroubledNetwork, EndsEveryBackupWholeAndRestoresEveryPointBitForBit) {
  for (const char* host : {"store", "web1", "ann"}) set_good(host);
  std::vector<std::pair<std::string, std::string>> points;  // And what the disk was then.
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    if (round > 0) change_disk(12_MiB);
    const EbbRun made = end_in_trouble(*start_backup(), "web1");
    ASSERT_TRUE(made.ok()) << made;
    const std::string copy = folder_ / fmt::format("disk-{}.img", round);
    std::filesystem::copy_file(disk_, copy);
    points.emplace_back(made.json["point"], copy);
  }
  for (const auto& [point, image] : points) {
    SCOPED_TRACE(point);
    // By whoever made it, and by an operator on a bare machine.
    for (const std::string host : {"web1", "ann"}) {
      expect_restored(end_in_trouble(*start_restore(host, point), host), image);
    }
  }
  for (const char* host : {"store", "web1", "ann"}) network_->set(host, {});
  std::printf("%u troubles\n", troubles_);
  EXPECT_GT(troubles_, 0u);
  expect_all_sound();
}

TEST_F(TroubledNetwork, OnlyDelaysWhatIsUnderWayWhenALinkIsGoneForLongerThanAConnectionLives) {
  set_good("store");
  const ByteCount before = network_->bytes("store");
  const auto backup = start_backup();
  while (backup->runs() && network_->bytes("store") < before + 6_MiB) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  network_->cut("store");
  // wire/link/keep_alive.cc says 30 s. Commands on other hosts fail meanwhile, in words.
  const auto cut_at = std::chrono::steady_clock::now();
  const EbbRun other = parties_->ebb("ann", {"points"});
  EXPECT_FALSE(other.ok());
  EXPECT_NE(other.err.find("storage agent"), std::string::npos) << other;
  std::this_thread::sleep_until(cut_at + seconds(36));
  network_->mend("store");
  const EbbRun made = end_of(*backup);
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_NE(made.err.find("connected again"), std::string::npos) << made;
  expect_restored(end_of(*start_restore("ann", "disk@latest")), disk_);
  expect_all_sound();
}

TEST_F(TroubledNetwork, IsNoTroubleWhereItIsLongAndLossy) {
  if (!network_->can_delay()) GTEST_SKIP() << "this kernel has no netem";
  network_->set("store", {usual_rate_, 1, milliseconds(40)});
  const EbbRun made = end_of(*start_backup());
  ASSERT_TRUE(made.ok()) << made;
  expect_restored(end_of(*start_restore("web1", "disk@latest")), disk_);
  expect_all_sound();
}

}  // namespace
}  // namespace ebb::test
