// SPDX-License-Identifier: Apache-2.0
// storage_state_test.cc - what the storage agent remembers over a restart, and that it never
// remembers less of a rule than there was.
#include "tools/storage/storage_state.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb {
namespace {

class StateOfAStorageAgent : public testing::Test {
 protected:
  control::KeepOrder order(std::uint32_t last, std::uint32_t daily) {
    control::KeepOrder made;
    made.volume = control::WireVolumeId{volume_.bytes};
    made.last = last;
    made.daily = daily;
    return made;
  }
  static control::StoredRepository stored(const std::string& name,
                                          std::vector<control::KeepOrder> keep) {
    control::StoredRepository repository;
    repository.name = name;
    repository.keep = std::move(keep);
    return repository;
  }
  const std::unique_ptr<Random> random_ = test::test_random();
  const VolumeId volume_ = random_->name<VolumeId>();
};

TEST_F(StateOfAStorageAgent, KeepsItsRulesWhereTheManagersAreOld) {
  StorageState state;
  state.take({{stored("main", {order(0, 90)})}, {}, {}, false});
  control::StorageOrders old{{stored("main", {order(0, 7)})}, {}, {}, false};
  old.rules_are_old = true;
  state.take(old);
  EXPECT_EQ(state.keep.at("main").at(volume_), (KeepRule{.daily = 90}));
  old.rules_are_old = false;
  state.take(old);
  EXPECT_EQ(state.keep.at("main").at(volume_), (KeepRule{.daily = 7}));
}

TEST_F(StateOfAStorageAgent, ComesBackAsItWas) {
  StorageState state;
  const HolderId revoked = random_->name<HolderId>();
  state.take(
      {{stored("main", {order(0, 14)}), stored("empty", {})}, {revoked}, {1, revoked, {7}}, false});
  state.ended["main"] = {{"retention", 1'790'000'000}, {"scrub", 5}};
  control::JobToReport job;
  job.id = random_->name<control::WireJobId>();
  job.kind = "collect";
  job.repository = "main";
  job.ended = WallTime{7};
  job.outcome = control::Outcome::incomplete;
  put_job(state.jobs, job);
  const StorageState again = storage_state_of(to_text(state));
  EXPECT_EQ(again.keep.at("main").at(volume_), (KeepRule{.daily = 14}));
  EXPECT_EQ(again.ended, state.ended);
  ASSERT_EQ(again.jobs.size(), 1u);
  EXPECT_EQ(again.revoked, (std::set<HolderId>{revoked}));
  EXPECT_EQ(again.heard, (control::HeardRevocations{1, revoked, {7}}));
  EXPECT_EQ(again.jobs.front().job.id, job.id);
  EXPECT_EQ(again.jobs.front().job.outcome, control::Outcome::incomplete);
  EXPECT_FALSE(again.jobs.front().is_told);
}

TEST_F(StateOfAStorageAgent, ForgetsARuleThatTheManagerDoesNotTellAnyMore) {
  StorageState state;
  state.take({{stored("main", {order(3, 0)})}, {}, {}, false});
  state.take({{stored("main", {})}, {}, {}, false});
  EXPECT_TRUE(state.keep.at("main").empty());
}

// Half a rule would remove what the other half keeps.
TEST_F(StateOfAStorageAgent, TakesARuleWholeOrNotAtAll) {
  for (const char* rule : {R"({"last": 1, "daily": "many"})", R"({"last": 1, "dayly": 3})",
                           R"({"last": -1})", R"({"last": 1.5})", "[]", "7", "null"}) {
    const std::string text =
        fmt::format(R"({{"keep": {{"main": {{"{}": {}}}}}}})", volume_.hex(), rule);
    EXPECT_FALSE(storage_state_of(text).keep["main"].contains(volume_)) << rule;
  }
  const std::string good =
      fmt::format(R"({{"keep": {{"main": {{"{}": {{"last": 2}}}}}}}})", volume_.hex());
  EXPECT_EQ(storage_state_of(good).keep["main"][volume_], (KeepRule{.last = 2}));
}

TEST_F(StateOfAStorageAgent, IsEmptyWhateverTheFileHolds) {
  for (const char* text : {"", "{", "[1]", "{\"keep\": 3, \"ended\": [], \"jobs\": {\"a\": 1}}"}) {
    const StorageState state = storage_state_of(text);
    EXPECT_TRUE(state.keep.empty() && state.ended.empty() && state.jobs.empty()) << text;
  }
}

}  // namespace
}  // namespace ebb
