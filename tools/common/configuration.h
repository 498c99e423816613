// SPDX-License-Identifier: Apache-2.0
// configuration.h - where a program's settings come from: command line, environment, file, default.
//
// The first of these that names a setting decides. A setting is an option of the program's
// commands; a table in the program says which of them may stand in its file. All that is known of
// one (key, kind, bounds, default, words) comes from the option as its command declares it. The
// option parser could read files itself; it would know neither places nor kinds nor environment.
#pragma once

#include <memory>

#include "tools/common/program.h"
#include "tools/common/settings_file.h"

namespace ebb {

// A setting, and where its value comes from.
struct SettingNow {
  std::string key;
  SettingKind kind;
  std::vector<std::string> values;      // As the command line would have them; none: not set.
  std::vector<std::string> table_keys;  // Of kind tables.
  std::string from;  // "default", "command line", "environment EBB_STATE", "/etc/...:12".
};

class Configuration {
 public:
  // Declares --config at every command of `app`, and the command `config`.
  Configuration(const ProgramText& text, std::span<const CommandMaker> makers, CLI::App& app);

  // After `app` was parsed: gives the options of the command that runs what the file says and
  // nobody else did. Or says on `err` what is wrong with the file.
  bool apply(CLI::App& app, Outside& outside);

  bool is_asked_for() const { return command_ != nullptr && command_->parsed(); }
  // The command `config`: what holds, and why.
  ExitCode print(Outside& outside);

 private:
  bool read(Outside& outside);
  const char* environment_of(const std::string& key) const;
  // Nothing, having said why, when the command line has what the option does not take.
  std::optional<SettingNow> now(CLI::Option& option, Outside& outside) const;

  const ProgramText& text_;
  // The commands once more, never run: their options say what settings are, and try values.
  CLI::App known_;
  CommandGroup known_commands_;
  std::vector<CLI::Option*> settings_;  // Of `known_`, in the order of the program's table.
  CLI::App* command_ = nullptr;         // `config`, of the app that was parsed.
  std::string named_;                   // By --config.
  bool as_json_ = false;
  SettingsFile file_;
};

}  // namespace ebb
