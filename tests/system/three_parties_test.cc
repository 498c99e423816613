// SPDX-License-Identifier: Apache-2.0
// three_parties_test.cc - a manager, a storage agent and hosts that back up, as real processes that
// find each other over TLS on loopback.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

// The number behind `key=` in what a server printed; waits for it.
std::uint16_t port_in(StartedProgram& server, const std::string& key) {
  for (int i = 0; i < 500; ++i) {
    const std::string text = server.output();
    const std::size_t at = text.find(key + "=");
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
      return static_cast<std::uint16_t>(std::stoi(text.substr(at + key.size() + 1)));
    }
    if (!server.runs()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ADD_FAILURE() << server.output() << server.errors();
  return 0;
}

class ThreeParties : public testing::Test {
 protected:
  using Words = std::vector<std::string>;

  void SetUp() override {
    ASSERT_TRUE(manager({"init", folder_ / "manager", "--address", "127.0.0.1"}).ok());
    start_manager("0", "0");
    ASSERT_TRUE(enroll("storage", "store", {"--server-name", "127.0.0.1"}).ok());
    ASSERT_TRUE(enroll("source", "web1").ok());
    ASSERT_TRUE(enroll("source", "web2").ok());
    ASSERT_TRUE(enroll("operator", "ann").ok());
    ASSERT_TRUE(manager({"repository", "create", "main", "--storage", "store"}).ok());
    ASSERT_TRUE(manager({"repository", "allow", "main", "--host", "web1"}).ok());
    ASSERT_TRUE(manager({"repository", "allow", "main", "--host", "web2"}).ok());
    start_storage({});
    ASSERT_NE(storage_port_, 0);
    write_text(folder_ / "passphrase", "correct horse\n");
    const EbbRun made = ebb("ann", {"init", repository()});
    ASSERT_TRUE(made.ok()) << made;
    make_image(folder_ / "disk.img", 24_MiB);
    write_at(folder_ / "disk.img", ByteIndex(0), random_bytes(*random_, (16_MiB).size()));
  }
  void TearDown() override {
    for (StartedProgram* server : {storage_.get(), manager_.get()}) {
      if (server == nullptr) continue;
      server->signal(SIGTERM);
      EXPECT_EQ(server->exit_code(), 0) << server->errors();
    }
  }

  static std::string program(const std::string& name) {
    return std::filesystem::path(ebb_program_path()).parent_path() / name;
  }
  EbbRun run(Words words, std::map<std::string, std::string> settings) {
    words.push_back("--json");
    return end_of(*StartedProgram::start(words, settings));
  }
  EbbRun manager(Words words) {
    words.insert(words.begin(), program("ebb-manager"));
    return run(words, {{"EBB_MANAGER_DIR", folder_ / "manager"}});
  }
  void start_manager(const std::string& control, const std::string& enrolment) {
    manager_ =
        StartedProgram::start({program("ebb-manager"), "serve", "--listen", "127.0.0.1:" + control,
                               "--enroll-listen", "127.0.0.1:" + enrolment},
                              {{"EBB_MANAGER_DIR", folder_ / "manager"}});
    enrolment_port_ = port_in(*manager_, "enrolment");
    control_port_ = port_in(*manager_, "control");
  }
  void start_storage(const Words& more) {
    Words words{program("ebb-storage"),
                "serve",
                "--repository",
                "main=" + folder_ / "repository",
                "--listen",
                "127.0.0.1:0",
                "--address",
                "127.0.0.1",
                "--poll",
                "1"};
    words.insert(words.end(), more.begin(), more.end());
    storage_ = StartedProgram::start(words, {{"EBB_STATE", folder_ / "store"}});
    storage_port_ = port_in(*storage_, "port");
  }
  void stop_storage() {
    storage_->signal(SIGTERM);
    EXPECT_EQ(storage_->exit_code(), 0) << storage_->errors();
  }
  void kill_manager() {
    manager_->signal(SIGKILL);
    manager_->exit_code();
    manager_.reset();
  }
  std::string token(const std::string& role) {
    return manager({"token", "create", "--role", role}).json["token"];
  }
  EbbRun enroll_with(const std::string& token, const std::string& role, const std::string& name,
                     const Words& more = {}) {
    Words words{program(role == "storage" ? "ebb-storage" : "ebb"),
                "enroll",
                fmt::format("127.0.0.1:{}", enrolment_port_),
                token,
                "--name",
                name};
    words.insert(words.end(), more.begin(), more.end());
    return run(words, {{"EBB_STATE", folder_ / name}});
  }
  EbbRun enroll(const std::string& role, const std::string& name, const Words& more = {}) {
    return enroll_with(token(role), role, name, more);
  }
  std::string repository() const { return fmt::format("ebb://127.0.0.1:{}/main", storage_port_); }
  EbbRun ebb(const std::string& host, Words words, const std::string& policy = "") {
    words.insert(words.begin(), program("ebb"));
    return run(words, {{"EBB_STATE", folder_ / host},
                       {"EBB_POLICY", policy},
                       {"EBB_REPO", repository()},
                       {"EBB_PASSPHRASE_FILE", folder_ / "passphrase"},
                       {"EBB_SOURCE_KEY", folder_ / "source.key"}});
  }
  EbbRun backup(const std::string& host, const std::string& volume) {
    return ebb(host, {"backup", folder_ / "disk.img", "--volume", volume});
  }
  bool restores(const std::string& host, const std::string& point) {
    const std::string target = folder_ / "restored.img";
    std::filesystem::remove(target);
    const EbbRun restored =
        ebb(host, {"restore", point, target, "--yes", "--journal", folder_ / "journal"});
    EXPECT_TRUE(restored.ok()) << restored;
    return restored.ok() && same_bytes(read_at(target, ByteIndex(0), 24_MiB),
                                       read_at(folder_ / "disk.img", ByteIndex(0), 24_MiB));
  }

  std::unique_ptr<Random> random_ = test_random();
  TemporaryFolder folder_;
  std::unique_ptr<StartedProgram> manager_;
  std::unique_ptr<StartedProgram> storage_;
  std::uint16_t enrolment_port_ = 0;
  std::uint16_t control_port_ = 0;
  std::uint16_t storage_port_ = 0;
};

TEST_F(ThreeParties, BackUpAndRestoreAndTheManagerCarriesNoContent) {
  const EbbRun backed_up = backup("web1", "disk");
  ASSERT_TRUE(backed_up.ok()) << backed_up;
  EXPECT_TRUE(restores("web1", "disk@latest"));
  EXPECT_TRUE(restores("ann", "disk@latest"));
  const EbbRun status = manager({"status"});
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
    told = !manager({"points"}).json.empty();
  }
  EXPECT_TRUE(told);
}

TEST_F(ThreeParties, GoOnWhileTheManagerIsDown) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  kill_manager();
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
  const std::string used = token("source");
  ASSERT_TRUE(enroll_with(used, "source", "web3").ok());
  const EbbRun second = enroll_with(used, "source", "web4");
  EXPECT_FALSE(second.ok());
  EXPECT_NE(second.err.find("used"), std::string::npos) << second;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "web4/identity"));
}

TEST_F(ThreeParties, LetNoHostWriteAnothersVolumeOrAdminister) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  const EbbRun stolen = backup("web2", "disk");
  EXPECT_FALSE(stolen.ok());
  EXPECT_NE(stolen.err.find("web1"), std::string::npos) << stolen;
  const EbbRun key = ebb("web1", {"key", "add", "--paper"});
  EXPECT_FALSE(key.ok());
  EXPECT_NE(key.err.find("administer"), std::string::npos) << key;
  const EbbRun by_operator = ebb("ann", {"key", "add", "--paper"});
  EXPECT_TRUE(by_operator.ok()) << by_operator;
}

TEST_F(ThreeParties, RefuseARevokedHost) {
  ASSERT_TRUE(backup("web1", "disk").ok());
  ASSERT_TRUE(manager({"revoke", "web1"}).ok());
  std::string said;
  for (int i = 0; i < 100 && said.find("revoked") == std::string::npos; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    said = backup("web1", "disk").err;
  }
  EXPECT_NE(said.find("revoked"), std::string::npos) << said;
  EXPECT_TRUE(backup("web2", "other").ok());
}

// Looks until it is so; minutes pass here at most, and never decide.
template <class IsSo>
bool becomes(IsSo is_so) {
  for (int i = 0; i < 1500; ++i) {
    if (is_so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

TEST_F(ThreeParties, KeepPointsByTheManagersRuleEvenWhileItIsDown) {
  const EbbRun set = manager({"policy", "set", "nightly", "--repository", "main", "--volumes",
                              "web1:" + folder_ / "disk.img", "--every", "1h", "--keep-last", "2"});
  ASSERT_TRUE(set.ok()) << set;
  for (int i = 0; i < 4; ++i) {
    write_at(folder_ / "disk.img", ByteIndex(4096), random_bytes(*random_, 100'000));
    const EbbRun made =
        ebb("web1", {"backup", folder_ / "disk.img", "--volume", "disk"}, "nightly");
    ASSERT_TRUE(made.ok()) << made;
  }
  ASSERT_TRUE(backup("web2", "other").ok());
  ASSERT_TRUE(backup("web2", "other").ok());
  ASSERT_TRUE(becomes([&] { return manager({"points"}).json.size() == 6; }));
  // The rule came with a poll, and is kept.
  ASSERT_TRUE(becomes([&] {
    std::ifstream kept(folder_ / "store/storage/state.json");
    const std::string text{std::istreambuf_iterator<char>(kept), {}};
    return text.find("\"last\": 2") != std::string::npos;
  }));
  kill_manager();
  stop_storage();
  start_storage({"--retention-every", "1s", "--scrub-every", "1s"});
  ASSERT_TRUE(becomes([&] { return ebb("ann", {"points"}).json.size() == 4; }));
  EXPECT_TRUE(restores("ann", "disk@latest"));
  // A volume without a rule keeps everything. The manager learns of it all when it is back.
  start_manager(std::to_string(control_port_), std::to_string(enrolment_port_));
  EXPECT_TRUE(becomes([&] { return manager({"points"}).json.size() == 4; }));
  for (const std::string kind : {"prune", "collect", "scrub"}) {
    EXPECT_TRUE(becomes([&] {
      for (const auto& job : manager({"jobs"}).json) {
        if (job["kind"] == kind && job["host"] == "store" && job["outcome"] == "done") return true;
      }
      return false;
    })) << kind
        << manager({"jobs"}).json;
  }
}

TEST_F(ThreeParties, LetOperatorsPruneCollectAndScrubAndSourcesNot) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(backup("web1", "disk").ok());
  for (const Words& words :
       {Words{"prune", "--keep-last", "1"}, Words{"collect"}, Words{"scrub", "--repair"}}) {
    const EbbRun denied = ebb("web1", words);
    EXPECT_TRUE(denied.is(ExitCode::failed)) << denied;
    EXPECT_NE(denied.err.find("administer"), std::string::npos) << denied;
  }
  const EbbRun pruned = ebb("ann", {"prune", "--keep-last", "1"});
  ASSERT_TRUE(pruned.ok()) << pruned;
  EXPECT_EQ(pruned.json["removed"], 2) << pruned;
  EXPECT_EQ(pruned.json["points"][0]["volume"], "disk") << pruned;
  const EbbRun collected = ebb("ann", {"collect"});
  EXPECT_TRUE(collected.ok()) << collected;
  const EbbRun scrubbed = ebb("ann", {"scrub", "--repair"});
  EXPECT_TRUE(scrubbed.ok()) << scrubbed;
  EXPECT_TRUE(restores("web1", "disk@latest"));
  EXPECT_TRUE(becomes([&] { return manager({"points"}).json.size() == 1; }));
}

}  // namespace
}  // namespace ebb::test
