// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/retention.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "engine/file/unknown_time.h"

namespace ebb {

namespace {

using Clock = std::chrono::system_clock;
using Instant = std::chrono::time_point<Clock, std::chrono::nanoseconds>;
using Days = std::chrono::sys_days;
using std::chrono::floor;

// The number of the stretch of time that an instant lies in.
using Stretch = std::int64_t (*)(Instant);

std::int64_t hour_of(Instant at) {
  return floor<std::chrono::hours>(at).time_since_epoch().count();
}
std::int64_t day_of(Instant at) {
  return floor<std::chrono::days>(at).time_since_epoch().count();
}
// 1970-01-01 was a Thursday, so Monday comes three days before it.
std::int64_t week_of(Instant at) {
  const auto since_a_monday =
      floor<std::chrono::days>(at).time_since_epoch() + std::chrono::days(3);
  return floor<std::chrono::weeks>(since_a_monday).count();
}
std::int64_t month_of(Instant at) {
  const std::chrono::year_month_day day(floor<std::chrono::days>(at));
  return std::int64_t{int(day.year())} * 12 + unsigned(day.month());
}
std::int64_t year_of(Instant at) {
  return int(std::chrono::year_month_day(floor<std::chrono::days>(at)).year());
}

Instant instant_of(WallTime time) {
  return Instant(std::chrono::nanoseconds(time.nanoseconds));
}

class Judgement {
 public:
  explicit Judgement(std::vector<ArrivedPoint> points) {
    std::ranges::sort(points, std::ranges::greater{}, [](const ArrivedPoint& p) {
      return std::tie(p.name.sequence, p.arrived, p.name.id);
    });
    for (ArrivedPoint& point : points) verdicts_.push_back({point, false, ""});
  }

  void keep_last(std::uint32_t count) {
    for (std::size_t i = 0; i < std::min<std::size_t>(count, verdicts_.size()); ++i) {
      keep(verdicts_[i], fmt::format("last {}", i + 1));
    }
  }

  void keep_newest_of_each(Stretch stretch_of, std::uint32_t count, std::string_view what) {
    std::set<std::int64_t> covered;  // By finer rules.
    for (const PointVerdict& verdict : verdicts_) {
      if (verdict.keep) covered.insert(stretch_of(instant_of(verdict.point.arrived)));
    }
    std::uint32_t counted = 0;
    for (PointVerdict& verdict : verdicts_) {
      if (counted == count) return;
      const std::int64_t stretch = stretch_of(instant_of(verdict.point.arrived));
      if (verdict.keep || !covered.insert(stretch).second) continue;
      keep(verdict, fmt::format("{} {}", what, ++counted));
    }
  }

  // Two points have the highest sequence when two sources wrote at once: nobody can say which is
  // the newer.
  void keep_newest() {
    for (PointVerdict& verdict : verdicts_) {
      if (verdict.point.name.sequence != verdicts_.front().point.name.sequence) return;
      keep(verdict, "the newest");
    }
  }

  void keep_young(std::chrono::seconds minimum_age, WallTime now) {
    for (PointVerdict& verdict : verdicts_) {
      if (is_older_than(minimum_age, verdict.point.arrived, now)) continue;
      keep(verdict, "younger than " + age_text(minimum_age));
    }
  }

  void keep_all(const std::string& reason) {
    for (PointVerdict& verdict : verdicts_) keep(verdict, reason);
  }

  std::vector<PointVerdict> take() {
    for (PointVerdict& verdict : verdicts_) {
      if (!verdict.keep) verdict.reason = "no rule keeps it";
    }
    return std::move(verdicts_);
  }

 private:
  static void keep(PointVerdict& verdict, std::string reason) {
    if (verdict.keep) return;  // The first reason stands.
    verdict.keep = true;
    verdict.reason = std::move(reason);
  }

  std::vector<PointVerdict> verdicts_;  // The newest first.
};

}  // namespace

std::vector<PointVerdict> judge_points(std::vector<ArrivedPoint> points, const KeepRule& rule,
                                       std::chrono::seconds minimum_age, WallTime now) {
  // Whose time is unknown may be gone, and would take the place of one that is there.
  const bool all_known = std::ranges::none_of(
      points, [](const ArrivedPoint& point) { return point.arrived >= unknown_time; });
  Judgement judgement(std::move(points));
  if (!all_known) {
    judgement.keep_all("a point of this volume cannot be looked at");
    return judgement.take();
  }
  if (rule == KeepRule{}) {
    judgement.keep_all("no rule is given");
    return judgement.take();
  }
  judgement.keep_last(rule.last);
  judgement.keep_newest_of_each(hour_of, rule.hourly, "hourly");
  judgement.keep_newest_of_each(day_of, rule.daily, "daily");
  judgement.keep_newest_of_each(week_of, rule.weekly, "weekly");
  judgement.keep_newest_of_each(month_of, rule.monthly, "monthly");
  judgement.keep_newest_of_each(year_of, rule.yearly, "yearly");
  judgement.keep_newest();
  judgement.keep_young(minimum_age, now);
  return judgement.take();
}

bool is_older_than(std::chrono::seconds age, WallTime arrived, WallTime now) {
  if (age <= std::chrono::seconds(0)) return true;
  // Whole seconds: their difference fits, whatever the clocks say.
  const auto second_of = [](WallTime t) { return floor<std::chrono::seconds>(instant_of(t)); };
  return second_of(now) - second_of(arrived) >= age;
}

std::string age_text(std::chrono::seconds age) {
  constexpr std::pair<std::int64_t, std::string_view> units[] = {
      {86400, "d"}, {3600, "h"}, {60, "min"}};
  for (const auto& [seconds, unit] : units) {
    if (age.count() != 0 && age.count() % seconds == 0) {
      return fmt::format("{} {}", age.count() / seconds, unit);
    }
  }
  return fmt::format("{} s", age.count());
}

}  // namespace ebb
