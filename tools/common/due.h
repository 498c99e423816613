// SPDX-License-Identifier: Apache-2.0
// due.h - whether something that is done again and again is due. Values in, values out: no clock,
// no file.
//
// It is when its period has passed since it last ended, its window is open, and an offset has
// passed since the window opened or since it became known. Times are seconds since 1970; a wall
// clock that was set back delays nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "devmap/core/clock.h"

namespace ebb {

struct Moment {
  std::int64_t seconds = 0;         // Since 1970.
  std::uint32_t second_of_day = 0;  // Of the local day.
};
Moment moment_of(WallTime time);

// Minutes after local midnight; the same twice: always open. May go over midnight.
struct Window {
  std::uint16_t begin = 0;
  std::uint16_t end = 0;
};
// How long it has been open; nothing while it is closed or when there is none.
std::optional<std::uint32_t> seconds_into(const Window& window, const Moment& now);
bool is_open(const Window& window, const Moment& now);

struct Rule {
  std::uint64_t every_seconds = 0;
  Window window;
  std::uint32_t offset_seconds = 0;
};

struct History {
  std::int64_t known_since = 0;  // When this process first saw it.
  std::optional<std::int64_t> last_end;
};

// Since when it is due; nothing when it is not.
std::optional<std::int64_t> due_since(const Rule& rule, const History& history, const Moment& now);

}  // namespace ebb
