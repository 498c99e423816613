// SPDX-License-Identifier: Apache-2.0
// retention_test.cc - which points stay: a table of rules, and what holds for any of them.
#include "engine/repo/retention.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/file/unknown_time.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using std::chrono::seconds;
using std::chrono::sys_days;
using namespace std::chrono_literals;

constexpr seconds day = 24h;

WallTime at(std::chrono::year_month_day date, seconds time = 12h) {
  return {std::chrono::nanoseconds(sys_days(date).time_since_epoch() + time).count()};
}
WallTime later(WallTime time, seconds by) {
  return {time.nanoseconds + std::chrono::nanoseconds(by).count()};
}

constexpr auto start = std::chrono::year(2026) / 1 / 1;  // A Thursday.

// Points with the sequences 1, 2, ... that arrived at these times.
std::vector<ArrivedPoint> points_at(const std::vector<WallTime>& times) {
  std::vector<ArrivedPoint> points;
  for (const WallTime& time : times) {
    ArrivedPoint point;
    point.name.sequence = points.size() + 1;
    point.name.id.bytes[0] = static_cast<std::byte>(points.size());
    point.arrived = time;
    points.push_back(point);
  }
  return points;
}
std::vector<ArrivedPoint> one_each(seconds step, std::size_t count) {
  std::vector<WallTime> times;
  for (std::size_t i = 0; i < count; ++i) {
    times.push_back(later(at(start), step * static_cast<std::int64_t>(i)));
  }
  return points_at(times);
}

// "7:last 1 6:daily 1": what stays, the newest first.
std::string kept(const std::vector<PointVerdict>& verdicts) {
  std::string text;
  for (const PointVerdict& verdict : verdicts) {
    if (!verdict.keep) continue;
    text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", verdict.point.name.sequence,
                        verdict.reason);
  }
  return text;
}
std::string kept(std::vector<ArrivedPoint> points, const KeepRule& rule) {
  return kept(judge_points(std::move(points), rule, seconds(0), at(start)));
}

struct Case {
  const char* name;
  std::vector<ArrivedPoint> points;
  KeepRule rule;
  const char* kept;
};

TEST(Retention, KeepsWhatEachRuleSays) {
  const Case cases[] = {
      {"last counts points", one_each(1min, 5), {.last = 2}, "5:last 1, 4:last 2"},
      {"more than there are", one_each(day, 2), {.last = 9}, "2:last 1, 1:last 2"},
      {"the newest of each hour", one_each(20min, 7), {.hourly = 2}, "7:hourly 1, 6:hourly 2"},
      {"the newest of each day", one_each(8h, 7), {.daily = 2}, "7:daily 1, 5:daily 2"},
      // Points 4 and 11 are the Sundays of two weeks; 14 is a Wednesday.
      {"weeks begin on Monday",
       one_each(day, 14),
       {.weekly = 9},
       "14:weekly 1, 11:weekly 2, 4:weekly 3"},
      {"the newest of each month",
       one_each(day * 10, 10),
       {.monthly = 2},
       "10:monthly 1, 9:monthly 2"},
      {"the newest of each year", one_each(day * 100, 8), {.yearly = 2}, "8:yearly 1, 4:yearly 2"},
      // Rules go on where finer ones end: the day of "last" counts for it already.
      {"rules add up",
       one_each(day, 9),
       {.last = 1, .daily = 2, .weekly = 2},
       "9:last 1, 8:daily 1, 7:daily 2, 4:weekly 1"},
      {"hours without points do not count",
       one_each(day * 3, 4),
       {.hourly = 3},
       "4:hourly 1, 3:hourly 2, 2:hourly 3"},
      {"a rule that keeps none keeps the newest", one_each(1min, 3), {.yearly = 1}, "3:yearly 1"},
      {"no rule keeps all", one_each(day, 2), {}, "2:no rule is given, 1:no rule is given"},
      {"no points", {}, {.daily = 3}, ""},
  };
  for (const Case& c : cases) EXPECT_EQ(kept(c.points, c.rule), c.kept) << c.name;
}

TEST(Retention, CountsIsoWeeksAcrossTheYearsEnd) {
  // Monday 2024-12-30 and Wednesday 2025-01-01 are of one week, Sunday the 29th of another.
  using namespace std::chrono;
  const auto points = points_at(
      {at(2024y / 12 / 29), at(2024y / 12 / 30), at(2025y / 1 / 1), at(2025y / 1 / 6, 0s)});
  EXPECT_EQ(kept(points, {.weekly = 9}), "4:weekly 1, 3:weekly 2, 1:weekly 3");
}

TEST(Retention, CountsBeforeTheEpochAsAfterIt) {
  using namespace std::chrono;
  const auto points = points_at({at(1969y / 12 / 28), at(1969y / 12 / 31, 23h), at(1970y / 1 / 1)});
  EXPECT_EQ(kept(points, {.daily = 9}), "3:daily 1, 2:daily 2, 1:daily 3");
  EXPECT_EQ(kept(points, {.weekly = 9}), "3:weekly 1, 1:weekly 2");
}

TEST(Retention, LosesNoVolumeToAClockThatJumps) {
  using namespace std::chrono;
  // The host's clock was a century ahead for a day, and then was put right.
  const auto points = points_at({at(2026y / 1 / 1), at(2026y / 1 / 2), at(2126y / 1 / 3),
                                 at(2126y / 1 / 3, 13h), at(2026y / 1 / 4)});
  EXPECT_EQ(kept(points, {.daily = 4}), "5:daily 1, 4:daily 2, 2:daily 3, 1:daily 4");
  // However the clock is set now, nothing turns on it but the minimum age.
  const KeepRule rule{.daily = 4};
  for (const WallTime now : {at(1970y / 1 / 1), at(2200y / 1 / 1)}) {
    EXPECT_EQ(kept(judge_points(points, rule, seconds(0), now)), kept(points, rule));
  }
}

TEST(Retention, RemovesNothingYounger) {
  const auto points = one_each(day, 10);
  const WallTime now = points.back().arrived;
  const auto verdicts = judge_points(points, {.last = 1}, day * 2, now);
  EXPECT_EQ(kept(verdicts), "10:last 1, 9:younger than 2 d");
  EXPECT_EQ(verdicts.back().reason, "no rule keeps it");
  // Points that seem to come from the future are young.
  for (const PointVerdict& verdict : judge_points(points, {.last = 1}, 1s, at(start))) {
    EXPECT_TRUE(verdict.keep);
  }
}

// It may be gone, and must not take the place of one that is there.
TEST(Retention, RemovesNothingBesideAPointThatCannotBeLookedAt) {
  auto points = one_each(day, 5);
  points[4].arrived = unknown_time;
  KeepRule rule;
  rule.last = 1;
  for (const PointVerdict& verdict :
       judge_points(points, rule, seconds(0), later(at(start), 400 * day))) {
    EXPECT_TRUE(verdict.keep) << verdict.point.name.sequence;
  }
}

TEST(Retention, KeepsBothOfTwoNewest) {
  auto points = one_each(1min, 3);
  points[1].name.sequence = 3;
  EXPECT_EQ(kept(points, {.last = 1}), "3:last 1, 3:the newest");
}

TEST(Retention, OfAnyRuleKeepsTheNewestAndNoFewerThanALesserOne) {
  const auto random = test::test_random();
  for (int round = 0; round < 300; ++round) {
    std::vector<WallTime> times;
    for (std::uint64_t i = 0, n = 1 + random->below(60); i < n; ++i) {
      times.push_back(later(at(start), seconds(random->below(2'000 * 86'400ull))));
    }
    if (random->below(2) == 0) std::ranges::sort(times);
    const auto points = points_at(times);
    const auto some = [&] { return static_cast<std::uint32_t>(random->below(5)); };
    const KeepRule rule{some(), some(), some(), some(), some(), some()};
    const auto count = [&](const KeepRule& r) {
      const auto verdicts = judge_points(points, r, seconds(0), at(start));
      EXPECT_TRUE(verdicts.front().keep);
      EXPECT_EQ(verdicts.front().point.name.sequence, points.size());
      return std::ranges::count(verdicts, true, &PointVerdict::keep);
    };
    KeepRule more = rule;
    more.last = rule.last + 1;
    if (rule == KeepRule{}) continue;
    EXPECT_GE(count(more), count(rule));
    EXPECT_LE(count(rule),
              std::max<std::uint64_t>(1, std::uint64_t{rule.last} + rule.hourly + rule.daily +
                                             rule.weekly + rule.monthly + rule.yearly));
  }
}

TEST(Ages, AreSaidInTheLargestUnit) {
  EXPECT_EQ(age_text(day * 30), "30 d");
  EXPECT_EQ(age_text(36h), "36 h");
  EXPECT_EQ(age_text(90min), "90 min");
  EXPECT_EQ(age_text(61s), "61 s");
  EXPECT_EQ(age_text(0s), "0 s");
}

}  // namespace
}  // namespace ebb
