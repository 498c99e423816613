// SPDX-License-Identifier: Apache-2.0
#include "tools/common/setting_kind.h"

#include <algorithm>
#include <cctype>

#include "devmap/core/result.h"
#include "tools/common/nearest_word.h"

namespace ebb {

namespace {

// The type's own name, without what checks add behind a colon.
std::string type_of(const CLI::Option& option) {
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

bool has_no_unit(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

TextComplaint wrong_kind(const TomlValue& value, const CLI::Option& option) {
  return {value.place, "it is to be " + words_for(option)};
}

// "main=/srv/main" from name = "main", folder = "/srv/main".
std::vector<PlacedText> text_of_table(const TomlValue& table, const CLI::Option& option,
                                      std::vector<TextComplaint>& complaints) {
  const std::vector<std::string> keys = table_keys_of(option);
  std::vector<std::string> parts(keys.size());
  const std::size_t before = complaints.size();
  for (const TomlEntry& entry : table.entries) {
    const auto known = std::ranges::find(keys, entry.key);
    if (known == keys.end()) {
      complaints.push_back({entry.place, fmt::format("it has no \"{}\"; did you mean \"{}\"?",
                                                     entry.key, nearest_word(entry.key, keys))});
    } else if (entry.value.kind != TomlValue::Kind::text) {
      complaints.push_back(
          {entry.value.place, fmt::format("its {} is to be a text in quotes", entry.key)});
    } else {
      const bool is_last = known + 1 == keys.end();
      if (!is_last && entry.value.text.find('=') != std::string::npos) {
        complaints.push_back({entry.value.place, fmt::format("its {} may have no =", entry.key)});
      }
      parts[static_cast<std::size_t>(known - keys.begin())] = entry.value.text;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (parts[i].empty() && complaints.size() == before) {
      complaints.push_back({table.place, fmt::format("its {} is missing", keys[i])});
    }
    text += (i == 0 ? "" : "=") + parts[i];
  }
  if (complaints.size() != before) return {};
  return {{text, table.place}};
}

std::vector<PlacedText> texts_of_list(const TomlValue& list, const CLI::Option& option,
                                      std::vector<TextComplaint>& complaints) {
  const bool of_tables = kind_of(option) == SettingKind::tables;
  std::vector<PlacedText> texts;
  for (const TomlValue& item : list.items) {
    if (of_tables && item.kind == TomlValue::Kind::table) {
      for (PlacedText& text : text_of_table(item, option, complaints)) texts.push_back(text);
    } else if (!of_tables && item.kind == TomlValue::Kind::text) {
      texts.push_back({item.text, item.place});
    } else {
      complaints.push_back(wrong_kind(item, option));
    }
  }
  return texts;
}

}  // namespace

SettingKind kind_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return SettingKind::truth;
  const std::string type = type_of(option);
  if (type.find('=') != std::string::npos) return SettingKind::tables;
  if (option.get_expected_max() > 1) return SettingKind::list;
  if (type == "INT" || type == "UINT") return SettingKind::whole_number;
  if (type == time_type) return SettingKind::time;
  if (type == size_type) return SettingKind::size;
  return SettingKind::text;
}

std::vector<std::string> table_keys_of(const CLI::Option& option) {
  std::vector<std::string> keys(1);
  for (const char c : type_of(option)) {
    if (c == '=') {
      keys.emplace_back();
    } else {
      keys.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return keys;
}

std::string words_for(const CLI::Option& option) {
  switch (kind_of(option)) {
    case SettingKind::text: return "a text in quotes";
    case SettingKind::whole_number: return "a whole number";
    case SettingKind::truth: return "true or false";
    case SettingKind::time:
      return "a time with its unit, in quotes, such as \"30s\", \"15min\" or \"1h\"";
    case SettingKind::size: return "a size in quotes, such as \"64K\" or \"50M\"";
    case SettingKind::list: return "a list of texts, such as [\"one\", \"two\"]";
    case SettingKind::tables: break;
  }
  std::string keys;
  for (const std::string& key : table_keys_of(option)) keys += (keys.empty() ? "" : " and ") + key;
  return fmt::format("tables [[{}]] with {}", option.get_lnames().front(), keys);
}

std::vector<PlacedText> texts_of(const TomlValue& value, const CLI::Option& option,
                                 std::vector<TextComplaint>& complaints) {
  const SettingKind kind = kind_of(option);
  const auto is = [&](TomlValue::Kind wanted) { return value.kind == wanted; };
  switch (kind) {
    case SettingKind::list:
    case SettingKind::tables:
      if (is(TomlValue::Kind::list)) return texts_of_list(value, option, complaints);
      break;
    case SettingKind::whole_number:
      if (is(TomlValue::Kind::whole_number)) return {{value.text, value.place}};
      break;
    case SettingKind::truth:
      if (is(TomlValue::Kind::truth)) return {{value.text, value.place}};
      break;
    case SettingKind::time:
      // On the command line a number alone is seconds; a file is read by others later.
      if (is(TomlValue::Kind::text) && !value.text.empty() && has_no_unit(value.text)) break;
      [[fallthrough]];
    case SettingKind::text:
    case SettingKind::size:
      if (!is(TomlValue::Kind::text)) break;
      // Empty is how an example shows that there is no default: as if it were not written.
      if (value.text.empty()) return {};
      return {{value.text, value.place}};
  }
  complaints.push_back(wrong_kind(value, option));
  return {};
}

}  // namespace ebb
