// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/schedule.h"

#include <algorithm>
#include <cstring>
#include <numeric>

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

std::uint32_t offset_of(const HolderId& host, std::uint64_t every_seconds) {
  // A holder id is a digest, so its first bytes are as good as random.
  std::uint64_t number = 0;
  std::memcpy(&number, host.bytes.data(), sizeof number);
  const std::uint64_t span = std::min<std::uint64_t>(every_seconds, longest_offset_seconds);
  return span == 0 ? 0 : static_cast<std::uint32_t>(number % span);
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

std::vector<std::size_t> choose(const std::vector<Due>& due, const std::set<std::string>& running,
                                std::size_t room) {
  std::vector<std::size_t> order(due.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (due[a].ordered != due[b].ordered) return due[a].ordered;
    return due[a].since < due[b].since;
  });
  std::vector<std::size_t> chosen;
  std::set<std::string> taken = running;
  for (const std::size_t i : order) {
    if (chosen.size() == room) break;
    if (taken.insert(due[i].volume).second) chosen.push_back(i);
  }
  return chosen;
}

}  // namespace ebb
