// SPDX-License-Identifier: Apache-2.0
// json_parts.h - parts of JSON that a program once wrote into its state folder; what is missing or
// of another type is empty, for a file may be anything.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ebb {

inline const nlohmann::json& part_of(const nlohmann::json& from, const char* key) {
  static const nlohmann::json nothing;
  if (!from.is_object()) return nothing;
  const auto found = from.find(key);
  return found == from.end() ? nothing : *found;
}
inline std::string text_of_json(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline std::string text_in(const nlohmann::json& from, const char* key) {
  return text_of_json(part_of(from, key));
}
template <class Number = std::uint64_t>
Number number_in(const nlohmann::json& from, const char* key) {
  const nlohmann::json& value = part_of(from, key);
  return value.is_number_integer() ? value.get<Number>() : Number{0};
}
inline bool is_set(const nlohmann::json& from, const char* key) {
  const nlohmann::json& value = part_of(from, key);
  return value.is_boolean() && value.get<bool>();
}
template <class Strings>
Strings strings_in(const nlohmann::json& from, const char* key) {
  Strings strings;
  const nlohmann::json& list = part_of(from, key);
  if (!list.is_array()) return strings;
  for (const nlohmann::json& value : list) strings.insert(strings.end(), text_of_json(value));
  return strings;
}

}  // namespace ebb
