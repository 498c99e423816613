// SPDX-License-Identifier: Apache-2.0
// run_program.h - runs a program to its end and keeps what it said.
#pragma once

#include <string>
#include <vector>

namespace ebb::test {

struct ProgramResult {
  int exit_code = -1;  // 128 + n after signal n; 127 when it could not be started.
  std::string output;  // Standard output and standard error, as they came.
  bool ok() const { return exit_code == 0; }
};

// Looks `arguments[0]` up in PATH and in the sbin folders; standard input holds `input`.
ProgramResult run_program(const std::vector<std::string>& arguments, const std::string& input = {});

// Where run_program would find it; empty when nowhere.
std::string find_program(const std::string& name);

}  // namespace ebb::test
