// SPDX-License-Identifier: Apache-2.0
// hosts.h - where the programs of a test run, and how one reaches the other.
//
// One machine with a loopback, or a network of hosts (network_of_hosts.h); whoever starts programs
// needs not know which.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/started_program.h"

namespace ebb::test {

class Hosts {
 public:
  virtual ~Hosts() = default;
  virtual std::string address(const std::string& host) const = 0;
  virtual std::unique_ptr<StartedProgram> start(
      const std::string& host, const std::vector<std::string>& arguments,
      const std::map<std::string, std::string>& settings) = 0;
};

class OneMachine final : public Hosts {
 public:
  std::string address(const std::string&) const override { return "127.0.0.1"; }
  std::unique_ptr<StartedProgram> start(
      const std::string&, const std::vector<std::string>& arguments,
      const std::map<std::string, std::string>& settings) override {
    return StartedProgram::start(arguments, settings);
  }
};

}  // namespace ebb::test
