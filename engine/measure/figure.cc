// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/figure.h"

#include <ctime>

namespace ebb {

namespace {

double cpu_seconds_of_process() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double quotient(double a, double b) {
  return b > 0 ? a / b : 0;
}

}  // namespace

double Figure::bytes_per_second() const {
  return quotient(static_cast<double>(bytes.value()), seconds);
}

double Figure::operations_per_second() const {
  return quotient(static_cast<double>(operations), seconds);
}

double Figure::cpu_seconds_per_gib() const {
  return quotient(cpu_seconds * static_cast<double>((1_GiB).value()),
                  static_cast<double>(bytes.value()));
}

Result<void> unless_interrupted(const StopFlag& stop) {
  if (stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  return {};
}

Stopwatch::Stopwatch(const Clock& clock)
    : clock_(clock), cpu_began_(cpu_seconds_of_process()), began_(clock.steady_seconds()) {}

void Stopwatch::stop(Figure& figure) const {
  figure.seconds = seconds();
  figure.cpu_seconds = cpu_seconds_of_process() - cpu_began_;
}

}  // namespace ebb
