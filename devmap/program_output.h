// SPDX-License-Identifier: Apache-2.0
// program_output.h - a program of the system whose standard output is read while it runs.
//
// It is looked up in PATH, then in the folders where Debian puts what only root needs, and runs
// with nothing on its standard input and messages in English. Who reads from a program ends it by
// going: destroying this kills it, and the kernel kills it when the thread that started it dies. A
// program that changes the system in steps must not be killed between two: it is waited for, and
// goes on by itself when its owner is killed.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "devmap/core/unique_fd.h"

namespace ebb {

enum class OwnersEnd : std::uint8_t { kills, waits };

class ProgramOutput {
 public:
  // Absent when there is no such program.
  static Result<std::unique_ptr<ProgramOutput>> start(const std::vector<std::string>& arguments,
                                                      OwnersEnd end = OwnersEnd::kills);
  ProgramOutput(const ProgramOutput&) = delete;
  ProgramOutput& operator=(const ProgramOutput&) = delete;
  ~ProgramOutput();

  // What it printed next, at most as much as there is room; 0 when it prints no more.
  Result<std::size_t> read(std::span<char> room);
  // Waits for its end, once, after read() gave 0. Refuses any end but exit code 0, with the end of
  // what it said on standard error.
  Result<void> finish();

 private:
  ProgramOutput(std::string name, pid_t process, OwnersEnd end, UniqueFd out, UniqueFd err);
  int wait();

  std::string name_;
  pid_t process_;  // 0 once it was waited for.
  OwnersEnd end_;
  UniqueFd out_;
  UniqueFd err_;  // A file in memory, so that it never fills up.
};

}  // namespace ebb
