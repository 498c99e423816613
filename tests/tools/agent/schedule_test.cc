// SPDX-License-Identifier: Apache-2.0
// What is due when, by tables: periods, windows, offsets, clocks that go back.
#include "tools/agent/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb {
namespace {

constexpr std::uint32_t minutes(std::uint32_t n) {
  return n * 60;
}
constexpr std::uint32_t hours(std::uint32_t n) {
  return n * 3600;
}
constexpr std::int64_t day = 20'000ll * 86'400;  // Midnight of some day.

Moment at(std::uint32_t second_of_day, std::int64_t days_later = 0) {
  return {day + days_later * 86'400 + second_of_day, second_of_day};
}

TEST(Window, IsOpenFromItsFirstSecondToBeforeItsLast) {
  struct Case {
    Window window;
    std::uint32_t second_of_day;
    bool open;
  };
  const Window night{22 * 60, 6 * 60};
  const Window noon{12 * 60, 13 * 60};
  for (const Case& c : {Case{night, hours(22), true},
                        {night, hours(22) - 1, false},
                        {night, hours(24) - 1, true},
                        {night, 0, true},
                        {night, hours(6) - 1, true},
                        {night, hours(6), false},
                        {noon, hours(12) - 1, false},
                        {noon, hours(12), true},
                        {noon, hours(13) - 1, true},
                        {noon, hours(13), false},
                        {{0, 0}, hours(3), true},
                        {{0, 24 * 60}, 0, true},
                        {{0, 24 * 60}, hours(24) - 1, true},
                        {{23 * 60, 24 * 60}, hours(23), true},
                        {{23 * 60, 24 * 60}, 0, false}}) {
    EXPECT_EQ(is_open(c.window, at(c.second_of_day)), c.open)
        << c.window.begin << "-" << c.window.end << " at " << c.second_of_day;
  }
}

TEST(Offset, StaysBelowThePeriodAndTenMinutesAndIsTheHostsOwn) {
  const auto random = test::test_random();
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto host = random->name<HolderId>();
    EXPECT_LT(offset_of(host, 60), 60u);
    EXPECT_LT(offset_of(host, 86'400), longest_offset_seconds);
    EXPECT_EQ(offset_of(host, 3600), offset_of(host, 3600));
    seen.insert(offset_of(host, 3600));
  }
  // A thousand hosts in 600 seconds: some 487 different ones are to be expected.
  EXPECT_GT(seen.size(), 400u);
  EXPECT_EQ(offset_of(HolderId{}, 0), 0u);
}

TEST(Due, AVolumeIsAPeriodAfterItsLastRunEnded) {
  const Rule rule{hours(1), {}, 100};
  const History history{day - 86'400, day};
  EXPECT_FALSE(due_since(rule, history, at(hours(1) - 1)));
  EXPECT_EQ(due_since(rule, history, at(hours(1))), day + hours(1));
  EXPECT_EQ(due_since(rule, history, at(hours(9))), day + hours(1));
}

TEST(Due, AVolumeThatNeverRanIsWhenTheHostsOffsetHasPassed) {
  const Rule rule{hours(1), {}, 100};
  EXPECT_FALSE(due_since(rule, {day, {}}, at(99)));
  EXPECT_EQ(due_since(rule, {day, {}}, at(100)), day + 100);
}

TEST(Due, AHostThatWasOffForDaysWaitsForItsOffset) {
  const Rule rule{hours(1), {}, 100};
  const History history{day, day - 7 * 86'400};
  EXPECT_FALSE(due_since(rule, history, at(99)));
  EXPECT_TRUE(due_since(rule, history, at(100)));
}

TEST(Due, NothingIsOutsideOfTheWindowHoweverLongItHasWaited) {
  const Rule rule{hours(1), {22 * 60, 6 * 60}, 100};
  const History history{day - 9 * 86'400, day - 5 * 86'400};
  EXPECT_FALSE(due_since(rule, history, at(hours(21))));
  EXPECT_FALSE(due_since(rule, history, at(hours(22) + 99)));
  EXPECT_TRUE(due_since(rule, history, at(hours(22) + 100)));
  EXPECT_TRUE(due_since(rule, history, at(hours(5))));
  EXPECT_FALSE(due_since(rule, history, at(hours(6))));
}

TEST(Due, AnOffsetTakesAtMostHalfOfAShortWindow) {
  const Rule rule{hours(1), {600, 604}, 599};
  const History history{day - 86'400, {}};
  EXPECT_FALSE(due_since(rule, history, at(minutes(600) + 119)));
  EXPECT_TRUE(due_since(rule, history, at(minutes(600) + 120)));
}

TEST(Due, AClockThatWasSetBackDelaysNothing) {
  const Rule rule{hours(1), {}, 100};
  const std::int64_t next_year = day + 365 * 86'400;
  EXPECT_TRUE(due_since(rule, {next_year, next_year}, at(0)));
  EXPECT_TRUE(due_since(rule, {day - 86'400, next_year}, at(0)));
}

TEST(Choose, OrdersComeFirstThenWhatIsDueLongest) {
  const std::vector<Due> due{{"a", 30, false}, {"b", 10, false}, {"c", 50, true}, {"d", 20, false}};
  EXPECT_THAT(choose(due, {}, 9), testing::ElementsAre(2, 1, 3, 0));
  EXPECT_THAT(choose(due, {}, 2), testing::ElementsAre(2, 1));
  EXPECT_THAT(choose(due, {}, 0), testing::IsEmpty());
}

TEST(Choose, NeverTakesAVolumeThatRunsOrOneTwice) {
  const std::vector<Due> due{{"a", 30, false}, {"b", 10, false}, {"a", 5, false}, {"b", 1, true}};
  EXPECT_THAT(choose(due, {"b"}, 9), testing::ElementsAre(2));
  EXPECT_THAT(choose(due, {}, 9), testing::ElementsAre(3, 2));
  EXPECT_THAT(choose(due, {"a", "b"}, 9), testing::IsEmpty());
}

}  // namespace
}  // namespace ebb
