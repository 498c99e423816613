// SPDX-License-Identifier: Apache-2.0
// three_parties_test.cc - a manager, a storage agent and hosts that back up, as real processes that
// find each other over TLS on loopback.
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/becomes.h"
#include "tests/support/image_file.h"
#include "tests/support/parties.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

class ThreeParties : public testing::Test {
 protected:
  void SetUp() override {
    parties_.make({"web1", "web2"});
    make_image(folder_ / "disk.img", 24_MiB);
    write_at(folder_ / "disk.img", ByteIndex(0), random_bytes(*random_, (16_MiB).size()));
  }
  EbbRun backup(const std::string& host, const std::string& volume) {
    return parties_.ebb(host, {"backup", folder_ / "disk.img", "--volume", volume});
  }
  bool restores(const std::string& host, const std::string& point) {
    const std::string target = folder_ / "restored.img";
    std::filesystem::remove(target);
    const EbbRun restored =
        parties_.ebb(host, {"restore", point, target, "--yes", "--journal", folder_ / "journal"});
    EXPECT_TRUE(restored.ok()) << restored;
    return restored.ok() && same_bytes(read_at(target, ByteIndex(0), 24_MiB),
                                       read_at(folder_ / "disk.img", ByteIndex(0), 24_MiB));
  }

  std::unique_ptr<Random> random_ = test_random();
  TemporaryFolder folder_;
  OneMachine machine_;
  Parties parties_{machine_, folder_, *random_};
};

TEST_F(ThreeParties, BackUpAndRestoreAndTheManagerCarriesNoContent) {
  const EbbRun backed_up = backup("web1", "disk");
  ASSERT_TRUE(backed_up.ok()) << backed_up;
  EXPECT_TRUE(restores("web1", "disk@latest"));
  EXPECT_TRUE(restores("ann", "disk@latest"));
  const EbbRun status = parties_.manager({"status"});
  ASSERT_TRUE(status.ok()) << status;
  std::uint64_t bytes = 0;
  for (const auto& [port, counts] : status.json["traffic"].items()) {
    bytes += counts["bytes_in"].get<std::uint64_t>() + counts["bytes_out"].get<std::uint64_t>();
  }
  EXPECT_GT(bytes, 0u);
  EXPECT_LT(bytes, (1_MiB).value()) << status;
  // The storage agent told the catalog of the point.
  bool told = false;
  for (int i = 0; i < 500 && !told; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    told = !parties_.manager({"points"}).json.empty();
  }
  EXPECT_TRUE(told);
}

TEST_F(ThreeParties, GoOnWhileTheManagerIsDown) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  parties_.kill_manager();
  write_at(folder_ / "disk.img", ByteIndex(4096), random_bytes(*random_, 100'000));
  const EbbRun again = backup("web1", "disk");
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_TRUE(restores("web1", "disk@latest"));
  // Who has no ticket yet is told what is missing.
  const EbbRun other = backup("web2", "other");
  EXPECT_FALSE(other.ok());
  EXPECT_NE(other.err.find("manager"), std::string::npos) << other;
}

TEST_F(ThreeParties, RefuseATokenThatWasUsed) {
  const std::string used = parties_.token("source");
  ASSERT_TRUE(parties_.enroll_with(used, "ebb", "web3").ok());
  const EbbRun second = parties_.enroll_with(used, "ebb", "web4");
  EXPECT_FALSE(second.ok());
  EXPECT_NE(second.err.find("used"), std::string::npos) << second;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "web4/identity"));
}

TEST_F(ThreeParties, GoOnWithAManagerThatIsRebuiltOfAStorageAgentsCopy) {
  ASSERT_TRUE(parties_
                  .manager({"policy", "set", "web", "--volumes", "web*:/dev/vg0/*", "--every", "1h",
                            "--keep-daily", "14"})
                  .ok());
  ASSERT_TRUE(backup("web1", "disk").ok());
  ASSERT_TRUE(parties_.manager({"revoke", "web2"}).ok());
  const std::string key = parties_.manager({"recovery-key"}).json["recovery_key"];
  write_text(folder_ / "recovery", key + "\n");
  const auto newest_copy = [&] {
    std::string newest;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder_ / "store/storage/manager-copies", none)) {
      newest = std::max(newest, entry.path().string());
    }
    return newest;
  };
  const auto rebuild = [&](const std::string& folder) {
    return parties_.manager(
        {"rebuild", newest_copy(), folder, "--recovery-key-file", folder_ / "recovery"});
  };
  // The revocation is the last entry of the log.
  int tries = 0;
  ASSERT_TRUE(becomes([&] {
    const std::string place = folder_ / ("try-" + std::to_string(++tries));
    if (newest_copy().empty() || !rebuild(place).ok()) return false;
    const EbbRun hosts = parties_.manager({"hosts", "--dir", place});
    for (const auto& host : hosts.json) {
      if (host["host"] == "web2" && !host["revoked"].is_null()) return true;
    }
    return false;
  }));
  parties_.kill_manager();
  std::filesystem::remove_all(folder_ / "manager");
  const EbbRun rebuilt = rebuild(folder_ / "manager");
  ASSERT_TRUE(rebuilt.ok()) << rebuilt;
  EXPECT_EQ(rebuilt.json["policies"], 1);
  parties_.start_manager();
  // Points are told again; who was in is in, who was not is not.
  EXPECT_TRUE(becomes([&] { return parties_.manager({"points"}).json.size() == 1; }));
  std::filesystem::remove_all(folder_ / "web1/tickets");
  EXPECT_TRUE(backup("web1", "disk").ok());
  EXPECT_TRUE(restores("ann", "disk@latest"));
  EXPECT_TRUE(becomes([&] { return parties_.manager({"points"}).json.size() == 2; }));
  const EbbRun revoked = backup("web2", "other");
  EXPECT_FALSE(revoked.ok());
  EXPECT_NE(revoked.err.find("revoked"), std::string::npos) << revoked;
}

TEST_F(ThreeParties, RefuseARevokedHostThoughTheAgentIsStartedAnewWithoutAManager) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  ASSERT_TRUE(parties_.manager({"revoke", "web1"}).ok());
  ASSERT_TRUE(
      becomes([&] { return backup("web1", "disk").err.find("revoked") != std::string::npos; }));
  parties_.kill_manager();
  parties_.stop_storage();
  parties_.start_storage();
  const EbbRun again = backup("web1", "disk");
  EXPECT_FALSE(again.ok());
  EXPECT_NE(again.err.find("revoked"), std::string::npos) << again;
  parties_.start_manager();
}

TEST_F(ThreeParties, LetNoHostWriteAnothersVolumeOrAdminister) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  const EbbRun stolen = backup("web2", "disk");
  EXPECT_FALSE(stolen.ok());
  EXPECT_NE(stolen.err.find("web1"), std::string::npos) << stolen;
  const EbbRun key = parties_.ebb("web1", {"key", "add", "--paper"});
  EXPECT_FALSE(key.ok());
  EXPECT_NE(key.err.find("administer"), std::string::npos) << key;
  const EbbRun by_operator = parties_.ebb("ann", {"key", "add", "--paper"});
  EXPECT_TRUE(by_operator.ok()) << by_operator;
}

TEST_F(ThreeParties, RefuseARevokedHost) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  ASSERT_TRUE(parties_.manager({"revoke", "web1"}).ok());
  std::string said;
  for (int i = 0; i < 100 && said.find("revoked") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    said = backup("web1", "disk").err;
  }
  EXPECT_NE(said.find("revoked"), std::string::npos) << said;
  EXPECT_TRUE(backup("web2", "other").ok());
}

TEST_F(ThreeParties, KeepPointsByTheManagersRuleEvenWhileItIsDown) {
  const EbbRun set =
      parties_.manager({"policy", "set", "nightly", "--repository", "main", "--volumes",
                        "web1:" + folder_ / "disk.img", "--every", "1h", "--keep-last", "2"});
  ASSERT_TRUE(set.ok()) << set;
  for (int i = 0; i < 4; ++i) {
    write_at(folder_ / "disk.img", ByteIndex(4096), random_bytes(*random_, 100'000));
    const EbbRun made =
        parties_.ebb("web1", {"backup", folder_ / "disk.img", "--volume", "disk"}, "nightly");
    ASSERT_TRUE(made.ok()) << made;
  }
  ASSERT_TRUE(backup("web2", "other").ok());
  ASSERT_TRUE(backup("web2", "other").ok());
  ASSERT_TRUE(becomes([&] { return parties_.manager({"points"}).json.size() == 6; }));
  // The rule came with a poll, and is kept.
  ASSERT_TRUE(becomes([&] {
    std::ifstream kept(folder_ / "store/storage/state.json");
    const std::string text{std::istreambuf_iterator<char>(kept), {}};
    return text.find("\"last\": 2") != std::string::npos;
  }));
  parties_.kill_manager();
  parties_.stop_storage();
  parties_.start_storage({"--retention-every", "1s", "--scrub-every", "1s"});
  ASSERT_TRUE(becomes([&] { return parties_.ebb("ann", {"points"}).json.size() == 4; }));
  EXPECT_TRUE(restores("ann", "disk@latest"));
  // A volume without a rule keeps everything. The manager learns of it all when it is back.
  parties_.start_manager();
  EXPECT_TRUE(becomes([&] { return parties_.manager({"points"}).json.size() == 4; }));
  for (const std::string kind : {"prune", "collect", "scrub"}) {
    EXPECT_TRUE(becomes([&] {
      for (const auto& job : parties_.manager({"jobs"}).json) {
        if (job["kind"] == kind && job["host"] == "store" && job["outcome"] == "done") return true;
      }
      return false;
    })) << kind
        << parties_.manager({"jobs"}).json;
  }
}

TEST_F(ThreeParties, LetOperatorsPruneCollectAndScrubAndSourcesNot) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(backup("web1", "disk").ok());
  for (const Parties::Words& words :
       {Parties::Words{"prune", "--keep-last", "1"}, Parties::Words{"collect"},
        Parties::Words{"scrub", "--repair"}}) {
    const EbbRun denied = parties_.ebb("web1", words);
    EXPECT_TRUE(denied.is(ExitCode::failed)) << denied;
    EXPECT_NE(denied.err.find("administer"), std::string::npos) << denied;
  }
  const EbbRun pruned = parties_.ebb("ann", {"prune", "--keep-last", "1"});
  ASSERT_TRUE(pruned.ok()) << pruned;
  EXPECT_EQ(pruned.json["removed"], 2) << pruned;
  EXPECT_EQ(pruned.json["points"][0]["volume"], "disk") << pruned;
  const EbbRun collected = parties_.ebb("ann", {"collect"});
  EXPECT_TRUE(collected.ok()) << collected;
  const EbbRun scrubbed = parties_.ebb("ann", {"scrub", "--repair"});
  EXPECT_TRUE(scrubbed.ok()) << scrubbed;
  EXPECT_TRUE(restores("web1", "disk@latest"));
  EXPECT_TRUE(becomes([&] { return parties_.manager({"points"}).json.size() == 1; }));
}

}  // namespace
}  // namespace ebb::test
