// SPDX-License-Identifier: Apache-2.0
// example_config.h - holds a program to the commented example of its configuration file.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "tests/support/source_folder.h"
#include "tests/tools/common/any_program.h"

namespace ebb::test {

inline std::string example_of(const std::string& file) {
  return source_file("tools/config/" + file);
}

inline std::vector<std::string> lines_of_example(const std::string& file) {
  std::ifstream in(example_of(file));
  EXPECT_TRUE(in.is_open()) << "no example " << file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// "#poll = ..." and "#[[repository]]" are settings, "# poll" is prose.
inline bool is_setting(const std::string& line) {
  return line.size() > 1 && line[0] == '#' && line[1] != ' ';
}

// The long options in the program's help of `command`.
inline std::set<std::string> options_of(AnyProgram& program, const std::string& command) {
  EXPECT_EQ(program.run({command, "--help"}), ExitCode::done);
  std::set<std::string> options;
  std::istringstream help(program.out);
  for (std::string line; std::getline(help, line);) {
    const std::size_t dashes = line.find("--");
    if (!line.starts_with("  -") || dashes == std::string::npos) continue;
    const std::size_t begin = dashes + 2;
    options.insert(line.substr(begin, line.find_first_of(" ,{", begin) - begin));
  }
  return options;
}

// Every key is in the example with a comment before it, every key in the example is known, and as
// the example has them the values are the defaults.
inline void expect_example_is_true(AnyProgram::Run run, const std::string& file) {
  AnyProgram program(run);
  const nlohmann::json defaults = program.settings();
  ASSERT_TRUE(defaults.is_object()) << program.err;

  std::string with_all;
  std::set<std::string> documented;
  std::string before;
  bool in_table = false;
  for (const std::string& line : lines_of_example(file)) {
    if (is_setting(line)) {
      const bool is_table = line.starts_with("#[[");
      in_table = in_table || is_table;
      const std::size_t begin = is_table ? 3 : 1;
      if (is_table || !in_table) {
        documented.insert(line.substr(begin, line.find_first_of(" ]", begin) - begin));
        EXPECT_TRUE(before.starts_with("# ")) << "nothing explains " << line;
      }
      with_all += line.substr(1) + "\n";
    } else {
      EXPECT_TRUE(line.empty() || line.starts_with("# ") || line == "#") << line;
    }
    before = line;
  }
  std::set<std::string> known;
  for (const auto& [key, setting] : defaults.items()) known.insert(key);
  EXPECT_EQ(documented, known) << "of " << file;

  const nlohmann::json all =
      program.settings({"--config", program.configure("all.toml", with_all)});
  ASSERT_TRUE(all.is_object()) << program.err;
  for (const auto& [key, setting] : defaults.items()) {
    if (setting["value"].is_array()) continue;  // Tables: there are none by default.
    EXPECT_EQ(all[key]["value"], setting["value"]) << "the default of " << key << " in " << file;
  }
  // As it is installed, it changes nothing.
  EXPECT_EQ(program.settings({"--config", example_of(file)}), defaults);
}

// Every option of the command is a key, but for those that are about one run.
inline void expect_options_are_keys(AnyProgram::Run run, const std::string& command) {
  AnyProgram program(run);
  const nlohmann::json settings = program.settings();
  ASSERT_TRUE(settings.is_object()) << program.err;
  for (const std::string& option : options_of(program, command)) {
    if (option == "help" || option == "config" || option == "json") continue;
    EXPECT_TRUE(settings.contains(option)) << command << " --" << option << " has no key";
  }
}

}  // namespace ebb::test
