// SPDX-License-Identifier: Apache-2.0
// toml_file.h - the text of a configuration file as values that know where they stand.
//
// The one place that knows a TOML library (toml++); it is heavy, so it is seen by toml_file.cc
// only. Knows no key and no program.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace ebb {

// Of a text; both begin with 1.
struct TextPlace {
  unsigned line = 0;
  unsigned column = 0;

  friend auto operator<=>(const TextPlace&, const TextPlace&) = default;
};

struct TomlEntry;

struct TomlValue {
  // other: what no setting is: a fraction, a date, a time of day.
  enum class Kind { text, whole_number, truth, list, table, other };

  Kind kind = Kind::other;
  TextPlace place;
  std::string text;                // A whole number: its digits. A truth: "true" or "false".
  std::vector<TomlValue> items;    // Of a list.
  std::vector<TomlEntry> entries;  // Of a table, in no order that means something.
};

struct TomlEntry {
  std::string key;
  TextPlace place;
  TomlValue value;
};

// What is wrong, and where.
struct TextComplaint {
  TextPlace place;
  std::string what;
};

// The table that the whole text is.
tl::expected<TomlValue, TextComplaint> parse_toml(std::string_view text);

}  // namespace ebb
