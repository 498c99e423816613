// SPDX-License-Identifier: Apache-2.0
#include "tools/common/time_option.h"

#include <algorithm>
#include <cctype>

#include "tools/common/setting_kind.h"
#include "tools/common/size_text.h"

namespace ebb {

namespace {

std::string in_seconds(std::chrono::seconds time) {
  return fmt::format("{}s", time.count());
}

// The reason against it, or nothing; `text` has a unit afterwards.
std::string check_time(std::string& text, TimeBounds bounds) {
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (!text.empty() && std::ranges::all_of(text, is_digit)) text += "s";
  const auto time = parse_age(text);
  if (!time) return fmt::format("\"{}\" is no time; write for example 30s, 15min or 1h", text);
  if (*time >= bounds.least && *time <= bounds.most) return "";
  return fmt::format("{} is not in range {} to {}", text, in_seconds(bounds.least),
                     in_seconds(bounds.most));
}

}  // namespace

CLI::Option* add_time_option(CLI::App& app, const std::string& name, std::chrono::seconds& time,
                             const std::string& description, TimeBounds bounds) {
  return app
      .add_option_function<std::string>(
          name,
          [&time](const std::string& text) {
            if (const auto parsed = parse_age(text)) time = *parsed;
          },
          description)
      ->transform(
          CLI::Validator([bounds](std::string& text) { return check_time(text, bounds); }, ""))
      ->type_name(time_type)
      ->default_str(in_seconds(time));
}

}  // namespace ebb
