// SPDX-License-Identifier: Apache-2.0
// in_process.h - the whole program ebb-manager in the test's own process, with an Outside of
// strings and a folder of its own.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/temporary_folder.h"
#include "tools/manager/command.h"

namespace ebb::control::test {

class InProcess {
 public:
  ExitCode run(const std::vector<std::string>& arguments) {
    std::ostringstream out_stream;
    std::ostringstream err_stream;
    StopFlag stop;
    Outside outside{out_stream,
                    err_stream,
                    false,
                    system_clock(),
                    system_random(),
                    stop,
                    [this](const std::string& name) -> std::optional<std::string> {
                      if (name == "EBB_MANAGER_DIR") return manager;
                      if (name == "EBB_CONFIG_DIR") return folder / "no-configuration";
                      return std::nullopt;
                    },
                    [](const std::string&) -> Result<SecretBuffer> {
                      return fail(Error::invalid("nobody is there to ask"));
                    }};
    const ExitCode code = run_manager(arguments, outside);
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }
  // With --json; null unless it ended well and said one line of JSON.
  nlohmann::json json_of(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    if (run(arguments) != ExitCode::done) return {};
    if (out.empty() || out.find('\n') != out.size() - 1) return {};
    auto json = nlohmann::json::parse(out, nullptr, false);
    return json.is_discarded() ? nlohmann::json() : json;
  }

  const ebb::test::TemporaryFolder folder;
  const std::string manager = folder / "manager";
  std::string out;
  std::string err;
};

}  // namespace ebb::control::test
