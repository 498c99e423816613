// SPDX-License-Identifier: Apache-2.0
#include "wire/control/backup_setting.h"

#include <algorithm>

namespace ebb::control {

namespace {

constexpr std::size_t max_value = 64;

struct Known {
  std::string_view key;
  std::string_view values;  // Separated by spaces; empty: any word or number.
};
constexpr Known known[] = {{"audit", ""},
                           {"block-size", ""},
                           {"compress", ""},
                           {"leave-out-free", "true false"},
                           {"snapshot", "none lvm auto"},
                           {"snapshot-hold", ""},
                           {"snapshot-size", ""},
                           {"source", "auto scan tracker dm-era dm-snapshot dm-thin"},
                           {"threads", ""}};

bool is_plain(std::string_view value) {
  return std::ranges::all_of(value, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == ':' || c == '%' || c == '-';
  });
}

bool is_among(std::string_view values, std::string_view value) {
  while (!values.empty()) {
    const std::size_t end = std::min(values.find(' '), values.size());
    if (values.substr(0, end) == value) return true;
    values.remove_prefix(std::min(values.size(), end + 1));
  }
  return false;
}

std::string all_keys() {
  std::string keys;
  for (const Known& one : known) keys += (keys.empty() ? "" : ", ") + std::string(one.key);
  return keys;
}

}  // namespace

std::string BackupSetting::option() const {
  if (key != "leave-out-free") return "--" + key + "=" + value;
  return value == "true" ? "--leave-out-free" : "--no-leave-out-free";
}

Result<BackupSetting> parse_backup_setting(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return fail(Error::invalid("\"{}\" is not KEY=VALUE", text));
  }
  BackupSetting setting{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  const auto found = std::ranges::find(known, setting.key, &Known::key);
  if (found == std::end(known)) {
    return fail(
        Error::invalid("a policy cannot set \"{}\"; it can set {}", setting.key, all_keys()));
  }
  const bool is_allowed =
      found->values.empty()
          ? !setting.value.empty() && setting.value.size() <= max_value && is_plain(setting.value)
          : is_among(found->values, setting.value);
  if (is_allowed) return setting;
  if (found->values.empty()) {
    return fail(Error::invalid("\"{}\" is no value of {}", setting.value, setting.key));
  }
  return fail(Error::invalid("\"{}\" is no value of {}; there are: {}", setting.value, setting.key,
                             found->values));
}

}  // namespace ebb::control
