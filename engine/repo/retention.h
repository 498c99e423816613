// SPDX-License-Identifier: Apache-2.0
// retention.h - which points of one volume stay, by a rule. Pure: nothing is read or removed.
//
// The rules are those of Proxmox Backup and borg: each takes the newest point of each of the last N
// hours, days, weeks (ISO, from Monday), months, years, in UTC, that have a point; a stretch of
// time of which a finer rule keeps a point is not counted again. Hours and days without a point do
// not count, so a clock that jumps empties no volume. Time is when a point arrived, by the clock of
// whoever keeps the repository: the source's own time decides nothing, for a source that somebody
// took over would choose it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "engine/repo/layout.h"

namespace ebb {

// How many of each; all zero: everything stays.
struct KeepRule {
  std::uint32_t last = 0;
  std::uint32_t hourly = 0;
  std::uint32_t daily = 0;
  std::uint32_t weekly = 0;
  std::uint32_t monthly = 0;
  std::uint32_t yearly = 0;
  bool operator==(const KeepRule&) const = default;
};

struct ArrivedPoint {
  layout::PointName name;
  WallTime arrived;
};

struct PointVerdict {
  ArrivedPoint point;
  bool keep = true;
  std::string reason;  // "daily 3", "the newest", "younger than 30 d"
};

// Of all points of one volume, in any order; the result begins with the newest, which is the one of
// the highest sequence and always stays.
std::vector<PointVerdict> judge_points(std::vector<ArrivedPoint> points, const KeepRule& rule,
                                       std::chrono::seconds minimum_age, WallTime now);

// Whether so much time passed since then. Not when `arrived` is later than now.
bool is_older_than(std::chrono::seconds age, WallTime arrived, WallTime now);

// "30 d", "12 h", "90 s": the largest unit that it is a whole number of.
std::string age_text(std::chrono::seconds age);

}  // namespace ebb
