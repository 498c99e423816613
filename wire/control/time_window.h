// SPDX-License-Identifier: Apache-2.0
// time_window.h - a part of each day, as people write it: "22:00-06:00".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "devmap/core/result.h"

namespace ebb::control {

inline constexpr std::uint16_t minutes_in_day = 24 * 60;

// Minutes after midnight, local time of whoever goes by it; both 0: always. May go over midnight.
struct TimeWindow {
  std::uint16_t begin = 0;
  std::uint16_t end = 0;
  bool operator==(const TimeWindow&) const = default;
};

Result<TimeWindow> parse_window(std::string_view text);
std::string window_text(const TimeWindow& window);  // "always" when it is both 0.

}  // namespace ebb::control
