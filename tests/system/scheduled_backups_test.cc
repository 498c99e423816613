// SPDX-License-Identifier: Apache-2.0
// scheduled_backups_test.cc - ebb-agent as a real process, with a real manager and storage agent on
// loopback: what policies say is backed up, reported, and goes on while the manager is down.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include "tests/support/becomes.h"
#include "tests/support/image_file.h"
#include "tests/support/parties.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

using Words = std::vector<std::string>;

class ScheduledBackups : public testing::Test {
 protected:
  void SetUp() override {
    parties_.make({});
    const EbbRun enrolled = parties_.enroll("source", "ebb-agent", "web1");
    ASSERT_TRUE(enrolled.ok()) << enrolled;
    for (const char* image : {"a.img", "b.img"}) {
      make_image(folder_ / image, 8_MiB);
      write_at(folder_ / image, ByteIndex(0), random_bytes(*random_, (1_MiB).size()));
    }
  }
  void TearDown() override {
    if (agent_ == nullptr) return;
    agent_->signal(SIGTERM);
    EXPECT_EQ(agent_->exit_code(), 0) << agent_->errors();
  }

  void start_agent(Words more = {}) {
    more.insert(more.end(), {"--poll", "1"});
    agent_ = parties_.start_agent("web1", more, {{"TEST_FOLDER", folder_.path()}});
  }
  // Each hook leaves a line; one that is there tells the volume, too.
  void set_policy(const Words& more) {
    Words words{"policy", "set", "web", "--every", "10s"};
    words.insert(words.end(), more.begin(), more.end());
    const EbbRun set = parties_.manager(words);
    ASSERT_TRUE(set.ok()) << set;
  }

  static bool said(StartedProgram& server, const std::string& text) {
    const std::string out = server.output();
    const std::size_t at = out.find(text);
    return at != std::string::npos && out.find('\n', at) != std::string::npos;
  }
  std::vector<nlohmann::json> jobs(const std::string& outcome) {
    std::vector<nlohmann::json> found;
    for (const auto& job : parties_.manager({"jobs"}).json) {
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
  OneMachine machine_;
  Parties parties_{machine_, folder_, *random_};
  std::unique_ptr<StartedProgram> agent_;
};

// While the agent writes down that one has ended, the others do.
TEST_F(ScheduledBackups, AreAllReportedWhenTheyEndAtOnce) {
  for (char name = 'c'; name <= 'l'; ++name) {
    make_image(folder_ / fmt::format("{}.img", name), 1_MiB);
  }
  set_policy({"--volumes", "web1:" + folder_ / "*.img", "--after",
              R"(echo waits >> "$TEST_FOLDER/hooks"; )"
              R"(while [ ! -e "$TEST_FOLDER/go" ]; do sleep 0.1; done)"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent({"--runs", "12"});
  ASSERT_TRUE(becomes([&] { return count("hooks", "waits") == 12; })) << agent_->errors();
  write_text(folder_ / "go", "");
  const auto ended = [&] {
    const std::string log = agent_->errors();
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = log.find("ended policy=", at)) != std::string::npos; ++at) {
      ++lines;
    }
    return lines;
  };
  EXPECT_TRUE(becomes([&] { return ended() >= 12 || !agent_->runs(); }));
  EXPECT_GE(ended(), 12u) << agent_->errors();
  EXPECT_TRUE(becomes([&] { return jobs("done").size() >= 12; }));
}

TEST_F(ScheduledBackups, AreMadeOfWhatThePolicyMeansAndGoOnWithoutTheManager) {
  set_policy({"--volumes", "web1:" + folder_ / "*.img", "--before",
              R"(echo "begin $EBB_VOLUME" >> "$TEST_FOLDER/hooks")", "--after",
              R"(echo "$EBB_OUTCOME $EBB_VOLUME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent();
  // Two requests for two volumes; each volume's runs one after the other.
  ASSERT_TRUE(becomes([&] { return jobs("done").size() >= 4; })) << agent_->errors();
  for (const auto& job : jobs("done")) {
    EXPECT_EQ(job["policy"], "web");
    EXPECT_EQ(job["point"].get<std::string>().size(), 64u);
  }
  for (const char* image : {"a.img", "b.img"}) {
    // The backup's end is told before its hook's.
    EXPECT_TRUE(becomes([&] { return count("hooks", "done " + volume(image)) >= 2; }));
    Words of_one = lines("hooks");
    std::erase_if(of_one, [&](const std::string& l) { return !l.ends_with(volume(image)); });
    for (std::size_t i = 0; i < of_one.size(); ++i) {
      EXPECT_EQ(of_one[i], (i % 2 == 0 ? "begin " : "done ") + volume(image)) << i;
    }
  }
  // A policy decides how long points are kept, so the manager knows which volumes are under it.
  const auto volumes = parties_.manager({"volumes"}).json;
  ASSERT_EQ(volumes.size(), 2u) << volumes;
  for (const auto& known : volumes) EXPECT_EQ(known["policy"], "web") << volumes;

  parties_.kill_manager();
  const ByteVector changed = random_bytes(*random_, 100'000);
  write_at(folder_ / "a.img", ByteIndex(4096), changed);
  // One more than have begun, so that one begins from here on.
  const std::size_t begun = count("hooks", "begin " + volume("a.img"));
  ASSERT_TRUE(becomes([&] { return count("hooks", "done " + volume("a.img")) > begun; }))
      << agent_->errors();
  const EbbRun restored =
      parties_.ebb("ann", {"restore", volume("a.img") + "@latest", folder_ / "restored", "--yes",
                           "--journal", folder_ / "journal"});
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_TRUE(
      same_bytes(read_at(folder_ / "restored", ByteIndex(4096), ByteCount(100'000)), changed));

  // What it could not report it reports when the manager is back.
  parties_.start_manager();
  EXPECT_TRUE(becomes([&] { return jobs("done").size() >= 5; })) << agent_->errors();
}

TEST_F(ScheduledBackups, AreMadeAsThePolicySays) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--set", "block-size=4K", "--set",
              "leave-out-free=false", "--set", "compress=zstd:1"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent();
  ASSERT_TRUE(becomes([&] { return !jobs("done").empty(); })) << agent_->errors();
  const auto points = parties_.ebb("ann", {"points"}).json;
  ASSERT_FALSE(points.empty()) << points;
  EXPECT_EQ(points[0]["block_size"], 4096) << points;
}

TEST_F(ScheduledBackups, AreNotMadeWhenTheHookBeforeFails) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before", "echo no room >&2; exit 7",
              "--after", R"(echo "$EBB_OUTCOME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent();
  ASSERT_TRUE(becomes([&] { return !jobs("failed").empty(); })) << agent_->errors();
  const std::string message = jobs("failed")[0]["message"];
  EXPECT_NE(message.find("--before failed"), std::string::npos) << message;
  EXPECT_NE(message.find("no room"), std::string::npos) << message;
  EXPECT_TRUE(parties_.manager({"volumes"}).json.empty());
  EXPECT_GE(count("hooks", "failed"), 1u);
}

TEST_F(ScheduledBackups, AreNotMadeWithHooksWhereHooksAreNotAllowed) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before",
              R"(echo ran >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent({"--no-hooks"});
  ASSERT_TRUE(becomes([&] { return !jobs("failed").empty(); })) << agent_->errors();
  EXPECT_TRUE(lines("hooks").empty());
  EXPECT_TRUE(parties_.manager({"volumes"}).json.empty());
}

TEST_F(ScheduledBackups, SayThatAVolumeIsNotThere) {
  set_policy({"--volumes", "web1:" + folder_ / "x*.img"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent();
  EXPECT_TRUE(becomes([&] { return !jobs("failed").empty(); })) << agent_->errors();
}

TEST_F(ScheduledBackups, EndWithTheAgentAndAreDueAgainWhenItIsBack) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before",
              R"(echo begin >> "$TEST_FOLDER/hooks"; [ -e "$TEST_FOLDER/go" ] || sleep 600)",
              "--after", R"(echo "$EBB_OUTCOME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
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

// What --before changed is put back, though nobody was there to do it.
TEST_F(ScheduledBackups, RunTheHookThatAKilledAgentOwes) {
  set_policy({"--volumes", "web1:" + folder_ / "a.img", "--before",
              R"([ -e "$TEST_FOLDER/go" ] && exit; echo $$ > "$TEST_FOLDER/pid.new"; )"
              R"(mv "$TEST_FOLDER/pid.new" "$TEST_FOLDER/pid"; exec sleep 600)",
              "--after", R"(echo "$EBB_OUTCOME $EBB_VOLUME" >> "$TEST_FOLDER/hooks")"});
  ASSERT_TRUE(parties_.manager({"run", "web"}).ok());
  start_agent();
  ASSERT_TRUE(becomes([&] { return lines("pid").size() == 1; })) << agent_->errors();
  agent_->signal(SIGKILL);
  agent_->exit_code();
  EXPECT_EQ(::kill(std::stoi(lines("pid")[0]), SIGKILL), 0);
  EXPECT_EQ(count("hooks", "failed " + volume("a.img")), 0u);
  write_text(folder_ / "go", "");
  start_agent();
  EXPECT_TRUE(becomes([&] { return count("hooks", "failed " + volume("a.img")) == 1; }))
      << agent_->errors();
  // Once; and then the schedule goes on.
  EXPECT_TRUE(becomes([&] { return count("hooks", "done " + volume("a.img")) >= 1; }))
      << agent_->errors();
  EXPECT_EQ(count("hooks", "failed " + volume("a.img")), 1u);
}

TEST_F(ScheduledBackups, AreMadeByOneAgentOfAFolder) {
  start_agent();
  ASSERT_TRUE(becomes([&] { return said(*agent_, "serving"); }));
  const auto second = parties_.start_agent("web1", {}, {});
  EXPECT_EQ(second->exit_code(), static_cast<int>(ExitCode::busy)) << second->errors();
}

}  // namespace
}  // namespace ebb::test
