// SPDX-License-Identifier: Apache-2.0
// show_progress.h - progress for people: one line drawn over itself on a terminal, else a plain
// line every few seconds. Goes to the error stream, so that --json output stays clean.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "engine/flow/observer.h"
#include "tools/common/outside.h"

namespace ebb {

class ShowProgress final : public Observer {
 public:
  ShowProgress(Outside& outside, bool quiet) : outside_(outside), quiet_(quiet) {}
  ~ShowProgress() override { end_line(); }
  void progress(const Progress& progress) override;
  void note(std::string_view sentence) override;
  // What is done now, where there are no bytes to count.
  void step(std::string_view what);
  void end_line();
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  Outside& outside_;
  bool quiet_;
  std::vector<std::string> notes_;
  std::string phase_;
  double phase_began_ = 0;
  double shown_ = 0;
  bool line_is_open_ = false;
};

}  // namespace ebb
