// SPDX-License-Identifier: Apache-2.0
#include "tools/common/size_text.h"

#include <array>
#include <charconv>

namespace ebb {

namespace {

constexpr std::array<std::string_view, 6> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

std::string scaled(double value, std::string_view ending) {
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} {}{}", value, units[unit], ending)
                   : fmt::format("{:.1f} {}{}", value, units[unit], ending);
}

}  // namespace

std::string size_text(ByteCount size) {
  return scaled(static_cast<double>(size.value()), "");
}

std::string rate_text(ByteCount size, double seconds) {
  if (seconds <= 0) return "-";
  return scaled(static_cast<double>(size.value()) / seconds, "/s");
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

Result<ByteCount> parse_size(std::string_view text) {
  const auto wrong = [&] {
    return fail(Error::invalid("\"{}\" is no size; write for example 64K, 1M or 65536", text));
  };
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return wrong();
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  if (unit.ends_with("iB")) unit.remove_suffix(2);
  unsigned shift = 0;
  if (!unit.empty() && unit != "B") {
    constexpr std::string_view letters = "KMGT";
    char letter = unit.front();
    if (letter >= 'a') letter = static_cast<char>(letter - 'a' + 'A');
    const std::size_t at = letters.find(letter);
    if (unit.size() != 1 || at == std::string_view::npos) return wrong();
    shift = static_cast<unsigned>(at + 1) * 10;
  }
  if (value > (~0ull >> shift)) return wrong();
  return ByteCount(value << shift);
}

Result<std::chrono::seconds> parse_age(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint64_t> age_units[] = {
      {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};
  constexpr std::uint64_t most = 1'000'000;  // Of any unit: it fits whatever it is.
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, seconds] : age_units) {
    if (error == std::errc{} && unit == name && value <= most) {
      return std::chrono::seconds(value * seconds);
    }
  }
  return fail(Error::invalid("\"{}\" is no age; write for example 90min, 36h, 30d or 8w", text));
}

}  // namespace ebb
