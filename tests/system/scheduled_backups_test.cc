// SPDX-License-Identifier: Apache-2.0
// scheduled_backups_test.cc - ebb-agent as a real process, with a real manager and storage agent on
// loopback: what policies say is backed up, reported, and goes on while the manager is down.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

using Words = std::vector<std::string>;
using Settings = std::map<std::string, std::string>;

std::string program(const std::string& name) {
  return std::filesystem::path(ebb_program_path()).parent_path() / name;
}

// Looks until it is so; minutes pass here at most, and never decide.
template <class IsSo>
bool becomes(IsSo is_so) {
  for (int i = 0; i < 1500; ++i) {
    if (is_so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return false;
}

class ScheduledBackups : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(manager({"init", folder_ / "manager", "--address", "127.0.0.1"}).ok());
    start_manager("0", "0");
    enroll("ebb-storage", "storage", "store", {"--server-name", "127.0.0.1"});
    enroll("ebb-agent", "source", "web1");
    enroll("ebb-agent", "operator", "ann");
    ASSERT_TRUE(manager({"repository", "create", "main", "--storage", "store"}).ok());
    start_storage();
    write_text(folder_ / "passphrase", "correct horse\n");
    const EbbRun made = ebb({"init", repository()});
    ASSERT_TRUE(made.ok()) << made;
    for (const char* image : {"a.img", "b.img"}) {
      make_image(folder_ / image, 8_MiB);
      write_at(folder_ / image, ByteIndex(0), random_bytes(*random_, (1_MiB).size()));
    }
  }
  void TearDown() override {
    for (StartedProgram* server : {agent_.get(), storage_.get(), manager_.get()}) {
      if (server == nullptr) continue;
      server->signal(SIGTERM);
      EXPECT_EQ(server->exit_code(), 0) << server->errors();
    }
  }

  EbbRun run(Words words, const Settings& settings) {
    words.push_back("--json");
    return end_of(*StartedProgram::start(words, settings));
  }
  EbbRun manager(Words words) {
    words.insert(words.begin(), program("ebb-manager"));
    return run(std::move(words), {{"EBB_MANAGER_DIR", folder_ / "manager"}});
  }
  void start_manager(const std::string& control, const std::string& enrolment) {
    manager_ =
        StartedProgram::start({program("ebb-manager"), "serve", "--listen", "127.0.0.1:" + control,
                               "--enroll-listen", "127.0.0.1:" + enrolment},
                              {{"EBB_MANAGER_DIR", folder_ / "manager"}});
    control_port_ = port_in(*manager_, "control");
    enrolment_port_ = port_in(*manager_, "enrolment");
  }
  // Its address has to be known before it is told, so the port is one that was free a moment ago.
  void start_storage() {
    for (int i = 0; i < 20 && storage_port_.empty(); ++i) {
      const std::string port = std::to_string(20'000 + random_->below(10'000));
      storage_ = StartedProgram::start(
          {program("ebb-storage"), "serve", "--repository", "main=" + folder_ / "repository",
           "--listen", "127.0.0.1:" + port, "--address", "127.0.0.1:" + port, "--poll", "1"},
          {{"EBB_STATE", folder_ / "store"}});
      if (becomes([&] { return said(*storage_, "port=") || !storage_->runs(); }) &&
          storage_->runs()) {
        storage_port_ = port;
      }
    }
    ASSERT_NE(storage_port_, "") << storage_->errors();
  }
  void start_agent(const Words& more = {}) {
    Words words{program("ebb-agent"), "serve", "--poll", "1"};
    words.insert(words.end(), more.begin(), more.end());
    agent_ = StartedProgram::start(words, {{"EBB_STATE", folder_ / "web1"},
                                           {"EBB_SOURCE_KEY", folder_ / "source.key"},
                                           {"TEST_FOLDER", folder_.path()}});
  }
  void enroll(const std::string& name, const std::string& role, const std::string& host,
              const Words& more = {}) {
    const std::string token = manager({"token", "create", "--role", role}).json["token"];
    Words words{program(name), "enroll", "127.0.0.1:" + enrolment_port_, token, "--name", host};
    words.insert(words.end(), more.begin(), more.end());
    const EbbRun enrolled = run(words, {{"EBB_STATE", folder_ / host}});
    ASSERT_TRUE(enrolled.ok()) << enrolled;
  }
  std::string repository() const { return "ebb://127.0.0.1:" + storage_port_ + "/main"; }
  EbbRun ebb(Words words) {
    words.insert(words.begin(), program("ebb"));
    return run(words, {{"EBB_STATE", folder_ / "ann"},
                       {"EBB_REPO", repository()},
                       {"EBB_PASSPHRASE_FILE", folder_ / "passphrase"},
                       {"EBB_SOURCE_KEY", folder_ / "source.key"}});
  }
  // Each hook leaves a line; one that is there tells the volume, too.
  void set_policy(const Words& more) {
    Words words{"policy", "set", "web", "--every", "1m"};
    words.insert(words.end(), more.begin(), more.end());
    const EbbRun set = manager(words);
    ASSERT_TRUE(set.ok()) << set;
  }

  static bool said(StartedProgram& server, const std::string& text) {
    const std::string out = server.output();
    const std::size_t at = out.find(text);
    return at != std::string::npos && out.find('\n', at) != std::string::npos;
  }
  static std::string port_in(StartedProgram& server, const std::string& key) {
    EXPECT_TRUE(becomes([&] { return said(server, key + "=") || !server.runs(); }));
    const std::string out = server.output();
    const std::size_t at = out.find(key + "=") + key.size() + 1;
    return out.substr(at, out.find_first_not_of("0123456789", at) - at);
  }
  std::vector<nlohmann::json> jobs(const std::string& outcome) {
    std::vector<nlohmann::json> found;
    for (const auto& job : manager({"jobs"}).json) {
      if (job["outcome"] == outcome) found.push_back(job);
    }
    return found;
  }
  Words lines(const std::string& name) {
    Words found;
    std::ifstream file(folder_ / name);
    for (std::string line; std::getline(file, line);) found.push_back(line);
    return found;
  }
  std::size_t count(const std::string& file, const std::string& line) {
    const Words all = lines(file);
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), line));
  }
  std::string volume(const std::string& image) const { return "web1:" + folder_ / image; }

  std::unique_ptr<Random> random_ = test_random();
  TemporaryFolder folder_;
  std::unique_ptr<StartedProgram> manager_;
  std::unique_ptr<StartedProgram> storage_;
  std::unique_ptr<StartedProgram> agent_;
  std::string enrolment_port_;
  std::string control_port_;
  std::string storage_port_;
};

TEST_F(ScheduledBackups, AreMadeOfWhatThePolicyMeansAndGoOnWithoutTheManager) {
  set_policy({"--volumes", "web1:" + folder_ / "*.img", "--before",
              R"(echo "begin $EBB_VOLUME" >> "$TEST_FOLDER/hooks")", "--after",
              R"(echo "$EBB_OUTCOME $EBB_VOLUME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(manager({"run", "web"}).ok());
  ASSERT_TRUE(manager({"run", "web"}).ok());
  start_agent();
  // Two requests for two volumes; each volume's runs one after the other.
  ASSERT_TRUE(becomes([&] { return jobs("done").size() >= 4; })) << agent_->errors();
  for (const auto& job : jobs("done")) {
    EXPECT_EQ(job["policy"], "web");
    EXPECT_EQ(job["point"].get<std::string>().size(), 64u);
  }
  for (const char* image : {"a.img", "b.img"}) {
    Words of_one = lines("hooks");
    std::erase_if(of_one, [&](const std::string& l) { return !l.ends_with(volume(image)); });
    for (std::size_t i = 0; i < of_one.size(); ++i) {
      EXPECT_EQ(of_one[i], (i % 2 == 0 ? "begin " : "done ") + volume(image)) << i;
    }
    EXPECT_GE(count("hooks", "done " + volume(image)), 2u);
  }
  // A policy decides how long points are kept, so the manager knows which volumes are under it.
  const auto volumes = manager({"volumes"}).json;
  ASSERT_EQ(volumes.size(), 2u) << volumes;
  for (const auto& known : volumes) EXPECT_EQ(known["policy"], "web") << volumes;

  manager_->signal(SIGKILL);
  manager_->exit_code();
  const std::size_t reported = count("hooks", "done " + volume("a.img"));
  const ByteVector changed = random_bytes(*random_, 100'000);
  write_at(folder_ / "a.img", ByteIndex(4096), changed);
  ASSERT_TRUE(becomes([&] { return count("hooks", "done " + volume("a.img")) > reported; }))
      << agent_->errors();
  const EbbRun restored = ebb({"restore", volume("a.img") + "@latest", folder_ / "restored",
                               "--yes", "--journal", folder_ / "journal"});
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_TRUE(
      same_bytes(read_at(folder_ / "restored", ByteIndex(4096), ByteCount(100'000)), changed));

  // What it could not report it reports when the manager is back.
  start_manager(control_port_, enrolment_port_);
  EXPECT_TRUE(becomes([&] { return jobs("done").size() >= 5; })) << agent_->errors();
}

TEST_F(ScheduledBackups, AreNotMadeWhenTheHookBeforeFails) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before", "echo no room >&2; exit 7",
              "--after", R"(echo "$EBB_OUTCOME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(manager({"run", "web"}).ok());
  start_agent();
  ASSERT_TRUE(becomes([&] { return !jobs("failed").empty(); })) << agent_->errors();
  const std::string message = jobs("failed")[0]["message"];
  EXPECT_NE(message.find("--before failed"), std::string::npos) << message;
  EXPECT_NE(message.find("no room"), std::string::npos) << message;
  EXPECT_TRUE(manager({"volumes"}).json.empty());
  EXPECT_GE(count("hooks", "failed"), 1u);
}

TEST_F(ScheduledBackups, AreNotMadeWithHooksWhereHooksAreNotAllowed) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before",
              R"(echo ran >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(manager({"run", "web"}).ok());
  start_agent({"--no-hooks"});
  ASSERT_TRUE(becomes([&] { return !jobs("failed").empty(); })) << agent_->errors();
  EXPECT_TRUE(lines("hooks").empty());
  EXPECT_TRUE(manager({"volumes"}).json.empty());
}

TEST_F(ScheduledBackups, SayThatAVolumeIsNotThere) {
  set_policy({"--volumes", "web1:" + folder_ / "x*.img"});
  ASSERT_TRUE(manager({"run", "web"}).ok());
  start_agent();
  EXPECT_TRUE(becomes([&] { return !jobs("failed").empty(); })) << agent_->errors();
}

TEST_F(ScheduledBackups, EndWithTheAgentAndAreDueAgainWhenItIsBack) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before",
              R"(echo begin >> "$TEST_FOLDER/hooks"; [ -e "$TEST_FOLDER/go" ] || sleep 600)",
              "--after", R"(echo "$EBB_OUTCOME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(manager({"run", "web"}).ok());
  start_agent();
  ASSERT_TRUE(becomes([&] { return count("hooks", "begin") == 1; })) << agent_->errors();
  agent_->signal(SIGTERM);
  EXPECT_EQ(agent_->exit_code(), 0) << agent_->errors();
  EXPECT_EQ(count("hooks", "failed"), 1u);
  write_text(folder_ / "go", "");
  start_agent();
  // The request was begun once; the schedule makes it good.
  EXPECT_TRUE(becomes([&] { return !jobs("done").empty(); })) << agent_->errors();
  EXPECT_EQ(jobs("failed").size(), 1u);
}

TEST_F(ScheduledBackups, AreMadeByOneAgentOfAFolder) {
  start_agent();
  ASSERT_TRUE(becomes([&] { return said(*agent_, "serving"); }));
  auto second =
      StartedProgram::start({program("ebb-agent"), "serve"}, {{"EBB_STATE", folder_ / "web1"}});
  EXPECT_EQ(second->exit_code(), static_cast<int>(ExitCode::busy)) << second->errors();
}

}  // namespace
}  // namespace ebb::test
