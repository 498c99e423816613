// SPDX-License-Identifier: Apache-2.0
// policy.cc - what a policy may say. Where policies are kept is in policies.cc.
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "wire/control/backup_setting.h"
#include "wire/control/manager/policies.h"
#include "wire/control/protocol.h"

namespace ebb::control {

namespace {

constexpr std::uint64_t shortest_period = 10;
constexpr std::uint64_t longest_period = 366ull * seconds_in_day;
constexpr std::uint32_t most_kept = 100'000;

struct TimeUnit {
  char letter;
  std::uint64_t seconds;
};
constexpr std::array<TimeUnit, 5> units{
    {{'w', 7 * 86400}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> validate_pattern(const std::string& pattern) {
  const auto wrong = [&](std::string_view why) {
    return fail(
        Error::invalid("--volumes \"{}\": {}; write HOST:PATH, HOST:serial=SERIAL or HOST:vg=NAME, "
                       "where HOST and PATH may hold * and ?",
                       pattern, why));
  };
  const std::size_t colon = pattern.find(':');
  if (pattern.size() > control::max_pattern_bytes) return wrong("it is too long");
  if (has_control_characters(pattern)) return wrong("it has a control character");
  if (colon == std::string::npos || colon == 0) return wrong("it names no host");
  const std::string_view what = std::string_view(pattern).substr(colon + 1);
  const bool is_key = what.starts_with("serial=") || what.starts_with("vg=");
  if (is_key && what.back() == '=') return wrong("it names nothing");
  if (!is_key && !what.starts_with('/')) return wrong("its path does not begin with /");
  return {};
}

}  // namespace

Result<std::uint64_t> parse_seconds(std::string_view text) {
  const auto wrong = [&] {
    return fail(Error::invalid("\"{}\" is no time; write for example 30m, 1h or 7d", text));
  };
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end + 1 != text.data() + text.size()) return wrong();
  const auto unit = std::ranges::find(units, *end, &TimeUnit::letter);
  if (unit == units.end() || value > longest_period * 100 / unit->seconds) return wrong();
  return value * unit->seconds;
}

std::string seconds_text(std::uint64_t seconds) {
  for (const TimeUnit& unit : units) {
    if (seconds != 0 && seconds % unit.seconds == 0 && unit.letter != 'w') {
      return fmt::format("{}{}", seconds / unit.seconds, unit.letter);
    }
  }
  return "0s";
}

Result<void> validate(const Policy& policy) {
  if (!is_host_name(policy.name)) {
    return fail(
        Error::invalid("\"{}\" is no name for a policy: 1 to 64 letters, digits, '.', '_' "
                       "and '-'",
                       policy.name));
  }
  if (policy.volumes.empty() || policy.volumes.size() > control::max_patterns) {
    return fail(Error::invalid("a policy needs 1 to {} --volumes", control::max_patterns));
  }
  for (const std::string& pattern : policy.volumes) TRY(validate_pattern(pattern));
  if (policy.every_seconds < shortest_period || policy.every_seconds > longest_period) {
    return fail(Error::invalid("--every must be between 10s and 366d"));
  }
  for (const std::uint32_t kept : {policy.keep.last, policy.keep.hourly, policy.keep.daily,
                                   policy.keep.weekly, policy.keep.monthly, policy.keep.yearly}) {
    if (kept > most_kept)
      return fail(Error::invalid("nothing is kept more than {} times", most_kept));
  }
  if (policy.window.begin > minutes_in_day || policy.window.end > minutes_in_day) {
    return fail(Error::invalid("a window ends within a day"));
  }
  if (policy.settings.size() > control::max_settings) {
    return fail(Error::invalid("a policy has at most {} settings", control::max_settings));
  }
  for (const std::string& setting : policy.settings) {
    TRY(during(parse_backup_setting(setting), "--set"));
  }
  for (const std::string* command : {&policy.before, &policy.after}) {
    if (command->size() > control::max_long_text || command->find('\0') != std::string::npos) {
      return fail(Error::invalid("a command has at most {} bytes and no zero byte",
                                 control::max_long_text));
    }
  }
  return {};
}

std::vector<std::string> patterns_for(const Policy& policy, const std::string& host) {
  std::vector<std::string> here;
  for (const std::string& pattern : policy.volumes) {
    const std::size_t colon = pattern.find(':');
    if (::fnmatch(pattern.substr(0, colon).c_str(), host.c_str(), 0) == 0) {
      here.push_back(pattern.substr(colon + 1));
    }
  }
  return here;
}

}  // namespace ebb::control
