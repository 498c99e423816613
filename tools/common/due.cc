// SPDX-License-Identifier: Apache-2.0
#include "tools/common/due.h"

#include <algorithm>
#include <ctime>

namespace ebb {

namespace {

constexpr std::uint32_t seconds_in_day = 24 * 60 * 60;

// 00:00-24:00 is a whole day.
std::uint32_t length_of(const Window& window) {
  const std::uint32_t length =
      (window.end * 60u + seconds_in_day - window.begin * 60u) % seconds_in_day;
  return length == 0 ? seconds_in_day : length;
}

bool is_always(const Window& window) {
  return window.begin == window.end;
}

}  // namespace

Moment moment_of(WallTime time) {
  const std::time_t seconds = time.nanoseconds / 1'000'000'000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  const int of_day = local.tm_hour * 3600 + local.tm_min * 60 + std::min(local.tm_sec, 59);
  return {seconds, static_cast<std::uint32_t>(of_day)};
}

std::optional<std::uint32_t> seconds_into(const Window& window, const Moment& now) {
  if (is_always(window)) return std::nullopt;
  const std::uint32_t into =
      (now.second_of_day + seconds_in_day - window.begin * 60u) % seconds_in_day;
  if (into >= length_of(window)) return std::nullopt;
  return into;
}

bool is_open(const Window& window, const Moment& now) {
  return is_always(window) || seconds_into(window, now).has_value();
}

std::optional<std::int64_t> due_since(const Rule& rule, const History& history, const Moment& now) {
  if (!is_open(rule.window, now)) return std::nullopt;
  // At most half of a short window goes by.
  if (const auto into = seconds_into(rule.window, now)) {
    if (*into < std::min(rule.offset_seconds, length_of(rule.window) / 2)) return std::nullopt;
  }
  std::int64_t since = 0;
  // What lies ahead of a clock that was set back says nothing.
  if (history.known_since <= now.seconds) since = history.known_since + rule.offset_seconds;
  if (history.last_end && *history.last_end <= now.seconds) {
    since = std::max(since, *history.last_end + static_cast<std::int64_t>(rule.every_seconds));
  }
  if (now.seconds < since) return std::nullopt;
  return since;
}

}  // namespace ebb
