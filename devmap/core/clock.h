// SPDX-License-Identifier: Apache-2.0
// clock.h - the time, as something that a test can hold.
#pragma once

#include <cstdint>
#include <string>

namespace ebb {

// Nanoseconds since 1970-01-01T00:00:00Z. For people and labels; nothing is decided by it.
struct WallTime {
  std::int64_t nanoseconds = 0;
  auto operator<=>(const WallTime&) const = default;
  // "2026-11-22T14:40:24Z"
  std::string text() const;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;
  // Seconds on a clock that never goes back; for rates and waits.
  virtual double steady_seconds() const = 0;
};

// The machine's clocks.
const Clock& system_clock();

}  // namespace ebb
