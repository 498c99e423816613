// SPDX-License-Identifier: Apache-2.0
// setting_kind.h - what an option of the command line is in a configuration file.
//
// It follows from the option as it is declared, so that the option is the only place that says it:
// a flag is true or false, a vector is a list, and one whose type is named "NAME=FOLDER" is a list
// of tables with the keys `name` and `folder`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/common/toml_file.h"

namespace ebb {

enum class SettingKind { text, whole_number, truth, time, size, list, tables };

// Names of option types that are texts in a file, with a unit.
inline constexpr const char* time_type = "TIME";
inline constexpr const char* size_type = "SIZE";

SettingKind kind_of(const CLI::Option& option);
// "a whole number"
std::string words_for(const CLI::Option& option);
// What the tables of an option have, in the option's order: "name", "folder".
std::vector<std::string> table_keys_of(const CLI::Option& option);

struct PlacedText {
  std::string text;  // As the command line would have it.
  TextPlace place;
};

// What the file says, as the command line would. Nothing and a complaint more when it is not of the
// option's kind; whether the option takes it, is not known here.
std::vector<PlacedText> texts_of(const TomlValue& value, const CLI::Option& option,
                                 std::vector<TextComplaint>& complaints);

}  // namespace ebb
