// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/agent_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb {
namespace {

using control::JobToReport;
using control::Outcome;
using control::SourceOrders;

control::PolicyOrder policy_named(const std::string& name) {
  return {name, "main",           {"/dev/vg0/*", "serial=\xffX"}, 3600, 50'000'000, 1320, 360, "a",
          "b",  {"snapshot=auto"}};
}
JobToReport job_of(Random& random) {
  JobToReport job;
  job.id = random.name<control::WireJobId>();
  job.kind = "backup";
  job.policy = "web";
  job.repository = "main";
  job.label = "/dev/vg0/root";
  job.started = {1'000'000'000};
  return job;
}
JobToReport ended(JobToReport job) {
  job.ended = WallTime{2'000'000'000};
  job.outcome = Outcome::done;
  job.bytes_read = 7;
  return job;
}

class AgentStateTest : public testing::Test {
 protected:
  std::unique_ptr<Random> random_ = test::test_random();
  AgentState state_;
};

TEST_F(AgentStateTest, IsTheSameAfterItsText) {
  state_.take({{policy_named("web"), policy_named("db")}, {{7, "web"}, {9, "db"}}});
  state_.runs[7] = {"web", true, {"a", "b"}};
  state_.addresses["main"] = "store1.example:7442";
  state_.ended["web"]["web1:vg0-root"] = 1'790'000'000;
  state_.owed["web1:vg0-root"] = {"web", "/dev/vg0/root", "systemctl start app"};
  JobToReport job = ended(job_of(*random_));
  job.point = random_->name<control::WirePointId>();
  state_.put(job);
  state_.put(job_of(*random_));
  state_.told({state_.jobs[1].job});
  // Bytes that are no UTF-8 become replacement characters, once.
  const std::string text = to_text(agent_state_of(to_text(state_)));
  EXPECT_EQ(to_text(agent_state_of(text)), text);
  const AgentState again = agent_state_of(text);
  EXPECT_EQ(again.owed.at("web1:vg0-root").command, "systemctl start app");
  ASSERT_EQ(again.policies.size(), 2u);
  EXPECT_EQ(again.policies[1].window_begin, 1320);
  EXPECT_EQ(again.policies[1].before, "a");
  EXPECT_THAT(again.policies[1].settings, testing::ElementsAre("snapshot=auto"));
  EXPECT_THAT(again.runs.at(7).left, testing::ElementsAre("a", "b"));
  EXPECT_FALSE(again.runs.at(9).is_begun);
  EXPECT_EQ(again.ended, state_.ended);
  EXPECT_EQ(again.addresses, state_.addresses);
  ASSERT_EQ(again.jobs.size(), 2u);
  EXPECT_EQ(again.jobs[0].job.point, job.point);
  EXPECT_TRUE(again.jobs[1].is_told);
}

TEST_F(AgentStateTest, TakesAnythingForAFileWithoutFailing) {
  for (const char* text :
       {"", "{", "[]", "null", "7", R"({"policies": 3, "runs": {}, "jobs": [1, {"id": 4}]})",
        R"({"ended": {"web": {"a": "x"}}, "addresses": [1]})",
        R"({"policies": [{"name": [], "volumes": {"a": 1}, "every_seconds": "x"}]})",
        R"({"runs": [7, {"number": -1, "left": "x"}], "ended": []})"}) {
    const AgentState state = agent_state_of(text);
    EXPECT_TRUE(state.jobs.empty()) << text;
  }
  state_.take({{policy_named("web")}, {{7, "web"}}});
  std::string text = to_text(state_);
  for (int i = 0; i < 2000; ++i) {
    std::string changed = text;
    changed[random_->below(changed.size())] = static_cast<char>(random_->below(256));
    agent_state_of(changed);
  }
}

TEST_F(AgentStateTest, BeginsARequestOnceHoweverOftenItIsTold) {
  const SourceOrders orders{{policy_named("web")}, {{7, "web"}}};
  state_.take(orders);
  state_.runs[7].is_begun = true;
  state_.take(orders);
  EXPECT_TRUE(state_.runs.at(7).is_done());
  // Forgotten when the manager no longer tells it, and not before.
  state_.take({{policy_named("web")}, {}});
  EXPECT_TRUE(state_.runs.empty());
}

TEST_F(AgentStateTest, KeepsARequestThatIsNotDoneWhenItIsNoLongerTold) {
  state_.take({{policy_named("web")}, {{7, "web"}}});
  state_.runs[7] = {"web", true, {"a"}};
  state_.take({{policy_named("web")}, {}});
  EXPECT_TRUE(state_.runs.contains(7));
}

TEST_F(AgentStateTest, ForgetsWhatBelongedToAPolicyThatIsGone) {
  state_.take({{policy_named("web"), policy_named("db")}, {}});
  state_.ended = {{"web", {{"a", 1}}}, {"db", {{"b", 2}}}};
  state_.addresses = {{"main", "x"}, {"other", "y"}};
  state_.take({{policy_named("web")}, {}});
  EXPECT_TRUE(state_.ended.contains("web"));
  EXPECT_FALSE(state_.ended.contains("db"));
  EXPECT_FALSE(state_.addresses.contains("other"));
}

TEST_F(AgentStateTest, TellsAJobWhenItBeginsAndAgainWhenItHasEnded) {
  const JobToReport job = job_of(*random_);
  state_.put(job);
  ASSERT_EQ(state_.untold().size(), 1u);
  state_.told({job});
  EXPECT_TRUE(state_.untold().empty());
  EXPECT_EQ(state_.jobs.size(), 1u);
  // It ended while the report of its beginning was under way: that report does not count for it.
  state_.put(ended(job));
  state_.told({job});
  ASSERT_EQ(state_.untold().size(), 1u);
  state_.told({ended(job)});
  EXPECT_TRUE(state_.jobs.empty());
}

TEST_F(AgentStateTest, SaysThatWhatRanBeforeARestartHasFailed) {
  state_.put(job_of(*random_));
  state_.told({state_.jobs[0].job});
  state_.end_what_ran({5'000'000'000});
  ASSERT_EQ(state_.untold().size(), 1u);
  EXPECT_EQ(state_.untold()[0].outcome, Outcome::failed);
  EXPECT_EQ(state_.untold()[0].ended, WallTime{5'000'000'000});
}

TEST_F(AgentStateTest, KeepsABoundedNumberOfJobs) {
  for (int i = 0; i < 5000; ++i) state_.put(ended(job_of(*random_)));
  EXPECT_EQ(state_.jobs.size(), 4096u);
}

}  // namespace
}  // namespace ebb
