// SPDX-License-Identifier: Apache-2.0
// program.h - a program as a table of commands, over one Outside.
//
// The option parser reports wrong usage by exceptions, and libraries may throw when memory is out:
// program.cc is the one place where both end. Knows no command.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tools/common/exit_code.h"
#include "tools/common/outside.h"

namespace ebb {

// One command: its options, declared when it is made, and what it does.
class Command {
 public:
  virtual ~Command() = default;
  virtual Result<ExitCode> run(Outside& outside) = 0;
};

// Adds its command to `app` and declares its options there.
using CommandMaker = std::unique_ptr<Command> (*)(CLI::App& app);

// A command that is one of several: "token create", "token list".
class CommandGroup final : public Command {
 public:
  CommandGroup(CLI::App& app, std::span<const CommandMaker> makers);
  Result<ExitCode> run(Outside& outside) override;

 private:
  std::vector<std::pair<CLI::App*, std::unique_ptr<Command>>> commands_;
};

// An option that may stand in the program's configuration file, by its name without dashes.
struct ConfigKey {
  const char* name;
  const char* environment = nullptr;  // The variable that comes before the file.
};

struct ProgramText {
  const char* name;         // "ebb"
  const char* what;         // One sentence.
  const char* version;      // "ebb 0.1.0"
  const char* footer;       // Below the list of commands.
  const char* config_file;  // "storage.toml"
  std::span<const ConfigKey> keys;
};

// The whole program. Parses `arguments` (without the program's name) and runs the command.
ExitCode run_program(const ProgramText& text, std::span<const CommandMaker> makers,
                     const std::vector<std::string>& arguments, Outside& outside);

// Gives the option these values as if the command line had, instead of what it has. Empty, or why
// it does not take them.
std::string give_values(CLI::Option& option, const std::vector<std::string>& texts);
// Why it would not take them, or nothing; it has no value afterwards.
std::string why_not_taken(CLI::Option& option, const std::vector<std::string>& texts);

// One line of JSON on the output.
void print_json(Outside& outside, const nlohmann::json& json);

}  // namespace ebb
