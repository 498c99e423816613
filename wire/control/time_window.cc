// SPDX-License-Identifier: Apache-2.0
#include "wire/control/time_window.h"

#include <charconv>
#include <optional>

namespace ebb::control {

namespace {

std::optional<std::uint16_t> minutes_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || text.size() != colon + 3) return {};
  unsigned hours = 0;
  unsigned minutes = 0;
  const auto read = [](std::string_view digits, unsigned& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc{} && end == digits.data() + digits.size();
  };
  if (!read(text.substr(0, colon), hours) || !read(text.substr(colon + 1), minutes)) return {};
  if (hours > 24 || minutes > 59 || hours * 60 + minutes > minutes_in_day) return {};
  return static_cast<std::uint16_t>(hours * 60 + minutes);
}

}  // namespace

Result<TimeWindow> parse_window(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto begin = minutes_of(text.substr(0, dash));
  const auto end =
      dash == std::string_view::npos ? std::nullopt : minutes_of(text.substr(dash + 1));
  if (!begin || !end || *begin == *end) {
    return fail(Error::invalid("\"{}\" is no window; write for example 22:00-06:00", text));
  }
  return TimeWindow{*begin, *end};
}

std::string window_text(const TimeWindow& window) {
  if (window == TimeWindow{}) return "always";
  return fmt::format("{:02}:{:02}-{:02}:{:02}", window.begin / 60, window.begin % 60,
                     window.end / 60, window.end % 60);
}

}  // namespace ebb::control
