// SPDX-License-Identifier: Apache-2.0
// started_program.h - a program that runs while the test does something else, such as killing it.
//
// Ends with its owner: whatever still runs then is killed and waited for. Output and errors are
// kept apart, in memory, so that no pipe can fill up.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "devmap/core/unique_fd.h"

namespace ebb::test {

class StartedProgram {
 public:
  // `settings` are put into its environment, over this process's own. Stops the test program when
  // it cannot be started.
  static std::unique_ptr<StartedProgram> start(const std::vector<std::string>& arguments,
                                               const std::map<std::string, std::string>& settings);
  ~StartedProgram();
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;

  pid_t pid() const { return pid_; }
  bool runs();
  void signal(int number);
  // Sends SIGKILL after this time, unless it has ended by itself; true when it was killed.
  bool kill_after(std::chrono::microseconds time);
  // Waits for its end; 128 + n after signal n.
  int exit_code();
  std::string output() const;
  std::string errors() const;

 private:
  StartedProgram(pid_t pid, UniqueFd out, UniqueFd err)
      : pid_(pid), out_(std::move(out)), err_(std::move(err)) {}
  pid_t pid_;
  bool ended_ = false;
  int status_ = 0;
  UniqueFd out_;
  UniqueFd err_;
};

}  // namespace ebb::test
