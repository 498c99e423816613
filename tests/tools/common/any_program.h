// SPDX-License-Identifier: Apache-2.0
// any_program.h - any of the programs in the test's own process, with an Outside of strings.
//
// Its environment is what the test says; unless it says otherwise, the folder of configuration
// files is one of the test's own, in which there is nothing.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/image_file.h"
#include "tests/support/temporary_folder.h"
#include "tools/common/program.h"

namespace ebb::test {

class AnyProgram {
 public:
  using Run = ExitCode (*)(const std::vector<std::string>& arguments, Outside& outside);

  explicit AnyProgram(Run program) : run_(program) {
    environment["EBB_CONFIG_DIR"] = folder.path();
  }

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
                      const auto found = environment.find(name);
                      if (found == environment.end()) return std::nullopt;
                      return found->second;
                    },
                    [](const std::string&) -> Result<SecretBuffer> {
                      return fail(Error::invalid("nobody is there to ask"));
                    }};
    const ExitCode code = run_(arguments, outside);
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }

  // What `config --json` says of the settings; null unless it ended well.
  nlohmann::json settings(std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"config", "--json"});
    if (run(options) != ExitCode::done) return {};
    const auto json = nlohmann::json::parse(out, nullptr, false);
    return json.is_object() ? json["settings"] : nlohmann::json();
  }

  // A file of that name in its folder of configuration files.
  std::string configure(const std::string& file, const std::string& text) {
    write_text(folder / file, text);
    return folder / file;
  }

  const TemporaryFolder folder;
  std::map<std::string, std::string> environment;
  std::string out;
  std::string err;

 private:
  Run run_;
};

}  // namespace ebb::test
