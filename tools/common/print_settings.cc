// SPDX-License-Identifier: Apache-2.0
#include "tools/common/print_settings.h"

#include <charconv>

namespace ebb {

namespace {

// "main=/srv/main" as {"name": "main", "folder": "/srv/main"}.
nlohmann::ordered_json table_of(const std::string& text, const std::vector<std::string>& keys) {
  nlohmann::ordered_json table = nlohmann::ordered_json::object();
  std::size_t begin = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t equals = i + 1 < keys.size() ? text.find('=', begin) : std::string::npos;
    const std::size_t length = equals == std::string::npos ? equals : equals - begin;
    table[keys[i]] = begin <= text.size() ? text.substr(begin, length) : "";
    begin = equals == std::string::npos ? text.size() : equals + 1;
  }
  return table;
}

nlohmann::ordered_json value_of(const SettingNow& setting) {
  switch (setting.kind) {
    case SettingKind::truth: return !setting.values.empty() && setting.values.front() == "true";
    case SettingKind::whole_number: {
      std::int64_t number = 0;
      const std::string text = setting.values.empty() ? "" : setting.values.front();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc{} && end == text.data() + text.size()) return number;
      return text;
    }
    case SettingKind::list: return setting.values;
    case SettingKind::tables: {
      nlohmann::ordered_json tables = nlohmann::ordered_json::array();
      for (const std::string& text : setting.values) {
        tables.push_back(table_of(text, setting.table_keys));
      }
      return tables;
    }
    case SettingKind::text:
    case SettingKind::time:
    case SettingKind::size: break;
  }
  return setting.values.empty() ? "" : setting.values.front();
}

// A JSON text, number, truth or list of texts reads as the same in TOML.
std::string text_of(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string tables_of(const SettingNow& setting) {
  if (setting.values.empty()) return fmt::format("# no {}\n", setting.key);
  std::string text;
  for (const nlohmann::ordered_json& table : value_of(setting)) {
    text += fmt::format("\n[[{}]]  # {}\n", setting.key, setting.from);
    for (const auto& [key, value] : table.items()) {
      text += fmt::format("{} = {}\n", key, text_of(value));
    }
  }
  return text;
}

}  // namespace

std::string toml_of(const std::vector<SettingNow>& settings, const SettingsFile& file) {
  std::string text = fmt::format("# {}{}\n", file.path, file.is_there ? "" : " is not there");
  std::string tables;  // In TOML they are last.
  for (const SettingNow& setting : settings) {
    if (setting.kind == SettingKind::tables) {
      tables += tables_of(setting);
    } else {
      text += fmt::format("{} = {}  # {}\n", setting.key, text_of(value_of(setting)), setting.from);
    }
  }
  return text + tables;
}

nlohmann::json json_of(const std::vector<SettingNow>& settings, const SettingsFile& file) {
  nlohmann::json list = nlohmann::json::object();
  for (const SettingNow& setting : settings) {
    list[setting.key] = {{"value", value_of(setting)}, {"from", setting.from}};
  }
  return {{"file", file.path}, {"is_there", file.is_there}, {"settings", list}};
}

}  // namespace ebb
