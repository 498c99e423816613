// SPDX-License-Identifier: Apache-2.0
// managers_traffic_test.cc - how many bytes of a backup and of a restore come by the manager:
// counted at the only network interface of its host, below everything that it could count itself.
//
// EBB_TEST_CONTENT_MIB is how much is backed up (default 192; 2048 for the claim in full, which
// needs 7 GiB below $TMPDIR).
#include <cstdlib>
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

ByteCount content_size() {
  const char* const given = std::getenv("EBB_TEST_CONTENT_MIB");
  return ByteCount((given != nullptr ? std::strtoull(given, nullptr, 10) : 192) << 20);
}

// Random bytes, but for holes that take up half of it in size and nothing on disk.
void make_content(const std::string& path, ByteCount size, Random& random) {
  make_image(path, ByteCount(size.value() * 2));
  for (ByteIndex at; at < ByteIndex(0) + size; at += 1_MiB) {
    write_at(path, ByteIndex(at.value() * 2), random_bytes(random, (1_MiB).size()));
  }
}

class ManagersTraffic : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_NETWORKS();
    network_ = std::make_unique<NetworkOfHosts>(
        std::vector<std::string>{"manager", "store", "web1", "ann"});
    parties_ = std::make_unique<Parties>(*network_, folder_, *random_);
    parties_->make({"web1"});
  }
  // Kills the manager when half of the content has gone through the storage agent's interface.
  EbbRun end_without_the_manager(StartedProgram& program) {
    const ByteCount before = network_->bytes("store");
    const ByteCount half(content_.value() / 2);
    while (program.runs() && network_->bytes("store") < before + half) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    EXPECT_TRUE(program.runs()) << "it ended before half of it was there";
    parties_->kill_manager();
    return end_of(program);
  }
  void expect_content_went_past_the_manager(ByteCount store_before) {
    const ByteCount by_manager = network_->bytes("manager");
    const ByteCount by_store = network_->bytes("store") - store_before;
    std::printf("by the manager %llu bytes, by the storage agent %llu\n",
                static_cast<unsigned long long>(by_manager.value()),
                static_cast<unsigned long long>(by_store.value()));
    EXPECT_GT(by_manager.value(), 0u);
    EXPECT_LT(by_manager, 1_MiB);
    EXPECT_GT(by_store, content_);
  }

  const TemporaryFolder folder_;
  const std::unique_ptr<Random> random_ = test_random();
  const ByteCount content_ = content_size();
  const std::string disk_ = folder_ / "disk.img";
  std::unique_ptr<NetworkOfHosts> network_;
  std::unique_ptr<Parties> parties_;
};

// Its interface is counted from the first moment: the figure has enrolment and everything in it.
TEST_F(ManagersTraffic, HasNoContentInItAndKillingItHalfWayChangesNothing) {
  make_content(disk_, content_, *random_);
  ByteCount before = network_->bytes("store");
  const EbbRun made =
      end_without_the_manager(*parties_->start_ebb("web1", {"backup", disk_, "--volume", "disk"}));
  ASSERT_TRUE(made.ok()) << made;
  expect_content_went_past_the_manager(before);

  parties_->start_manager();
  before = network_->bytes("store");
  const std::string target = folder_ / "restored.img";
  const EbbRun restored = end_without_the_manager(*parties_->start_ebb(
      "ann", {"restore", "disk@latest", target, "--yes", "--journal", folder_ / "journal"}));
  ASSERT_TRUE(restored.ok()) << restored;
  expect_content_went_past_the_manager(before);
  const ProgramResult compared = run_program({"cmp", target, disk_});
  EXPECT_TRUE(compared.ok()) << compared.output;
}

}  // namespace
}  // namespace ebb::test
