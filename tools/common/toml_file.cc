// SPDX-License-Identifier: Apache-2.0
#include "tools/common/toml_file.h"

// From its header alone, without exceptions: Debian's compiled library throws.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// Its assertions stop the program for some files that are merely wrong (a date without a time);
// without them it says what is wrong, as for any other.
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <toml++/toml.h>

namespace ebb {

namespace {

TextPlace place_of(const toml::source_region& region) {
  return {region.begin.line, region.begin.column};
}

TomlValue value_of(const toml::node& node) {
  TomlValue value;
  value.place = place_of(node.source());
  if (const auto* text = node.as_string()) {
    value.kind = TomlValue::Kind::text;
    value.text = text->get();
  } else if (const auto* number = node.as_integer()) {
    value.kind = TomlValue::Kind::whole_number;
    value.text = std::to_string(number->get());
  } else if (const auto* truth = node.as_boolean()) {
    value.kind = TomlValue::Kind::truth;
    value.text = truth->get() ? "true" : "false";
  } else if (const auto* list = node.as_array()) {
    value.kind = TomlValue::Kind::list;
    for (const toml::node& item : *list) value.items.push_back(value_of(item));
  } else if (const auto* table = node.as_table()) {
    value.kind = TomlValue::Kind::table;
    for (const auto& [key, entry] : *table) {
      value.entries.push_back({std::string(key.str()), place_of(key.source()), value_of(entry)});
    }
  }
  return value;
}

}  // namespace

tl::expected<TomlValue, TextComplaint> parse_toml(std::string_view text) {
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return tl::unexpected(
        TextComplaint{place_of(error.source()), std::string(error.description())});
  }
  return value_of(parsed.table());
}

}  // namespace ebb
