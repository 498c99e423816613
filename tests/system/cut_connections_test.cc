// SPDX-License-Identifier: Apache-2.0
// Connections to a storage agent that are cut at any byte, and agents that are killed: a backup and
// a restore go on or say why not, and what arrived is not sent again.
#include <filesystem>
#include <thread>

#include "tests/support/cutting_proxy.h"
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class CutConnections : public testing::Test {
 protected:
  void SetUp() override {
    ebb_.address = agent_.address();
    make_image(disk_, size_);
    write_at(disk_, ByteIndex(0), random_bytes(*random_, size_.size()));
    ASSERT_TRUE(ebb_.init().ok());
  }
  std::unique_ptr<CuttingProxy> cut_from_now_on(const CuttingProxy::Wishes& wishes) {
    auto proxy = std::make_unique<CuttingProxy>(folder_ / "proxy.sock", agent_.socket(),
                                                random_->next_u64(), wishes);
    ebb_.address = StorageProgram::address_by(proxy->socket());
    return proxy;
  }
  void connect_directly() { ebb_.address = agent_.address(); }
  void change_disk(ByteCount bytes) {
    const std::uint64_t at = random_->below(size_.value() - bytes.value());
    write_at(disk_, ByteIndex(at), random_bytes(*random_, bytes.size()));
  }
  void expect_is_on(const std::string& point, const std::string& device) {
    const EbbRun compared = ebb_.run({"verify", point, "--against", device});
    EXPECT_TRUE(compared.ok()) << compared;
  }
  void expect_all_sound() {
    const EbbRun verified = ebb_.run({"verify"});
    EXPECT_TRUE(verified.ok()) << verified;
    const EbbRun scrubbed = ebb_.scrub();
    EXPECT_TRUE(scrubbed.ok()) << scrubbed;
  }

  const TemporaryFolder folder_;
  const std::unique_ptr<Random> random_ = test_random();
  const ByteCount size_ = 24_MiB;
  const std::string disk_ = folder_ / "disk.img";
  EbbProgram ebb_{folder_};
  StorageProgram agent_{folder_ / "agent.sock", ebb_.repository};
};

TEST_F(CutConnections, EndEveryBackupRightAndShipNothingTwice) {
  for (int round = 0; round < 5; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const std::uint64_t before = bytes_in_packs(ebb_.repository);
    const ByteCount changed = round == 0 ? size_ : ByteCount(6_MiB);
    if (round > 0) change_disk(changed);
    // Now and then within the first call, now and then after many batches.
    const std::uint64_t most = 4096u << random_->below(11);
    const auto proxy = cut_from_now_on({most, 10, round % 2 == 0 ? 0u : 50u});
    const EbbRun made = ebb_.backup(disk_, "disk");
    ASSERT_TRUE(made.ok()) << made;
    connect_directly();
    expect_is_on("disk@latest", disk_);
    const std::uint64_t added = bytes_in_packs(ebb_.repository) - before;
    // Each cut may leave a pack of its own, which costs 65 chunks of parity of 16 KiB; what was
    // under way when it was cut (at most 16 batches) is put again only if it had not arrived.
    EXPECT_LT(added, changed.value() + changed.value() / 16 + (proxy->cuts() + 2) * (2 << 20));
    EXPECT_LT(proxy->bytes(), changed.value() * 9 / 8 +
                                  (proxy->cuts() + 2) * std::max<std::uint64_t>(most, 1 << 20));
  }
  expect_all_sound();
}

TEST_F(CutConnections, EndEveryRestoreRight) {
  ASSERT_TRUE(ebb_.backup(disk_, "disk").ok());
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const auto proxy = cut_from_now_on({4096u << random_->below(11), 10, 100});
    const std::string target = folder_ / fmt::format("target-{}.img", round);
    const EbbRun restored = ebb_.restore("disk@latest", target);
    ASSERT_TRUE(restored.ok()) << restored;
    EXPECT_TRUE(
        same_bytes(read_at(target, ByteIndex(0), size_), read_at(disk_, ByteIndex(0), size_)));
    EXPECT_GT(proxy->cuts(), 0u);
  }
}

TEST_F(CutConnections, OfAKilledAgentEndTheBackupWithAClearMessageAndTheNextShipsWhatIsMissing) {
  ASSERT_TRUE(ebb_.backup(disk_, "before").ok());
  for (int round = 0; round < 4; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    const ByteCount all = 100_MiB;  // More than one pack.
    const std::string large = folder_ / "large.img";
    make_image(large, all);
    write_at(large, ByteIndex(0), random_bytes(*random_, all.size()));
    const std::uint64_t before = bytes_in_packs(ebb_.repository);
    const std::size_t packs = packs_of(ebb_.repository).size();
    const auto running = ebb_.start({"backup", large, "--volume", "large"});
    if (round % 2 == 0) {  // Once a whole pack has arrived.
      while (running->runs() && packs_of(ebb_.repository).size() == packs) {
        std::this_thread::sleep_for(microseconds(500));
      }
    } else {
      std::this_thread::sleep_for(milliseconds(random_->below(400)));
    }
    agent_.kill();
    std::this_thread::sleep_for(milliseconds(random_->below(300)));
    agent_.start();
    const EbbRun cut = end_of(*running);
    if (!cut.ok()) {  // It may have ended before, or connected for the first time after.
      EXPECT_TRUE(cut.is(ExitCode::busy) || cut.is(ExitCode::failed)) << cut;
      EXPECT_TRUE(cut.err.find("started anew") != std::string::npos ||
                  cut.err.find("connect") != std::string::npos)
          << cut;
    }
    const EbbRun old = ebb_.run({"verify", "before@latest"});
    EXPECT_TRUE(old.ok()) << old;
    const EbbRun again = ebb_.backup(large, "large");
    ASSERT_TRUE(again.ok()) << again;
    if (round % 2 == 0 && !cut.ok()) {
      EXPECT_LT(again.json["blocks_shipped"], all.value() >> 16);
    }
    EXPECT_LT(bytes_in_packs(ebb_.repository) - before, all.value() + all.value() / 8);
    expect_is_on("large@latest", large);
  }
  expect_all_sound();
}

TEST_F(CutConnections, OfAnAgentThatIsToldToEndKeepWhatArrived) {
  const std::string large = folder_ / "large.img";
  make_image(large, 60_MiB);
  write_at(large, ByteIndex(0), random_bytes(*random_, (60_MiB).size()));
  const auto running = ebb_.start({"backup", large, "--volume", "large"});
  while (running->runs() && std::filesystem::is_empty(ebb_.repository + "/tmp")) {
    std::this_thread::sleep_for(microseconds(500));
  }
  EXPECT_EQ(agent_.stop(), 0) << agent_.errors();
  agent_.start();
  const EbbRun cut = end_of(*running);
  const EbbRun again = ebb_.backup(large, "large");
  ASSERT_TRUE(again.ok()) << again;
  // Less than two packs were shipped by then, and they were published all the same.
  EXPECT_LT(bytes_in_packs(ebb_.repository), (60_MiB).value() * 17 / 16 + (4_MiB).value()) << cut;
  expect_is_on("large@latest", large);
  expect_all_sound();
}

}  // namespace
}  // namespace ebb::test
