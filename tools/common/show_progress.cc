// SPDX-License-Identifier: Apache-2.0
#include "tools/common/show_progress.h"

#include <ostream>

#include "tools/common/size_text.h"

namespace ebb {

namespace {

constexpr double seconds_between_draws = 0.2;
constexpr double seconds_between_lines = 10;
constexpr double seconds_before_eta = 1;

}  // namespace

void ShowProgress::progress(const Progress& progress) {
  if (quiet_) return;
  const double now = outside_.clock.steady_seconds();
  if (progress.phase != phase_) {
    end_line();
    phase_ = progress.phase;
    phase_began_ = shown_ = now;
    return;
  }
  const bool terminal = outside_.err_is_terminal;
  if (now - shown_ < (terminal ? seconds_between_draws : seconds_between_lines)) return;
  shown_ = now;
  const double elapsed = now - phase_began_;
  const double done = static_cast<double>(progress.done.value());
  const double total = static_cast<double>(progress.total.value());
  std::string line = fmt::format("{} {}", phase_, size_text(progress.done));
  if (total > 0)
    line += fmt::format(" of {} ({:.0f} %)", size_text(progress.total), 100 * done / total);
  line += ", " + rate_text(progress.done, elapsed);
  if (!progress.stored.none()) line += ", stored " + size_text(progress.stored);
  if (total > done && done > 0 && elapsed > seconds_before_eta) {
    line += ", " + duration_text(elapsed * (total - done) / done) + " left";
  }
  if (terminal) {
    outside_.err << '\r' << line << "\033[K" << std::flush;
    line_is_open_ = true;
  } else {
    outside_.err << line << std::endl;
  }
}

void ShowProgress::note(std::string_view sentence) {
  end_line();
  notes_.emplace_back(sentence);
  outside_.err << "ebb: note: " << sentence << std::endl;
}

void ShowProgress::step(std::string_view what) {
  if (quiet_) return;
  if (outside_.err_is_terminal) {
    outside_.err << '\r' << what << "\033[K" << std::flush;
    line_is_open_ = true;
    return;
  }
  const double now = outside_.clock.steady_seconds();
  if (now - shown_ < seconds_between_lines) return;
  shown_ = now;
  outside_.err << what << std::endl;
}

void ShowProgress::end_line() {
  if (line_is_open_) outside_.err << "\r\033[K" << std::flush;
  line_is_open_ = false;
}

}  // namespace ebb
