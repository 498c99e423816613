// SPDX-License-Identifier: Apache-2.0
// figure.h - what one measurement gives, and the two clocks that it is taken with.
//
// A figure holds what was counted; rates follow from it. Wall time comes from the Clock seam, CPU
// time from the process, so nothing else may run in it meanwhile. What a figure means depends on
// the machine and the hour: compare figures of one run.
#pragma once

#include "devmap/core/clock.h"
#include "devmap/core/interrupt.h"
#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

struct Figure {
  ByteCount bytes;               // That were worked on.
  std::uint64_t operations = 0;  // Blocks, transfers: the measurement says what it counts.
  double seconds = 0;
  double cpu_seconds = 0;  // Of all threads of this process, the kernel's work for them included.

  // All of them 0 when no time passed.
  double bytes_per_second() const;
  double operations_per_second() const;
  double cpu_seconds_per_gib() const;
};

// What every measurement needs.
struct MeasureWorld {
  const Clock& clock;
  const StopFlag& stop;
  double seconds = 1;  // How long one measurement goes on; it does some work in any case.
};

// Busy when a person wants it to stop.
Result<void> unless_interrupted(const StopFlag& stop);

class Stopwatch {
 public:
  explicit Stopwatch(const Clock& clock);
  double seconds() const { return clock_.steady_seconds() - began_; }
  // Puts the time since the start into `figure`.
  void stop(Figure& figure) const;

 private:
  const Clock& clock_;
  double cpu_began_;
  double began_;
};

}  // namespace ebb
