// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/xml_elements.h"

#include <algorithm>
#include <optional>

#include "devmap/text_file.h"

namespace ebb {

namespace {

// The longest that is printed is thin_delta's superblock, with some 150 bytes.
constexpr std::size_t longest_element = 1024;

constexpr std::string_view blank = " \t\r\n";

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view name_at(std::string_view text) {
  return text.substr(0, static_cast<std::size_t>(
                            std::find_if_not(text.begin(), text.end(), is_name) - text.begin()));
}

std::string_view without_blanks_before(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

}  // namespace

Error XmlElement::not_understood() const {
  return Error::damaged("it printed what this ebb does not understand: <{}>", inside);
}

Result<XmlElement> XmlElement::of(std::string_view inside) {
  XmlElement element;
  element.inside = inside;
  std::string_view rest = inside;
  if (rest.starts_with('/')) {
    element.closes = true;
    rest.remove_prefix(1);
  }
  if (rest.ends_with('/')) {
    element.empty = true;
    rest.remove_suffix(1);
  }
  element.name = name_at(rest);
  rest.remove_prefix(element.name.size());
  while (!without_blanks_before(rest).empty()) {
    if (blank.find(rest[0]) == std::string_view::npos) return fail(element.not_understood());
    rest = without_blanks_before(rest);
    const std::string_view key = name_at(rest);
    // era_invalidate prints `end = "8"`.
    rest = without_blanks_before(rest.substr(key.size()));
    if (key.empty() || !rest.starts_with('=')) return fail(element.not_understood());
    rest = without_blanks_before(rest.substr(1));
    const std::size_t end = rest.size() < 2 ? std::string_view::npos : rest.find('"', 1);
    if (!rest.starts_with('"') || end == std::string_view::npos) {
      return fail(element.not_understood());
    }
    if (!element.attributes.emplace(key, rest.substr(1, end - 1)).second) {
      return fail(element.not_understood());
    }
    rest.remove_prefix(end + 1);
  }
  const bool closes_with_more = element.closes && (element.empty || !element.attributes.empty());
  if (element.name.empty() || closes_with_more) return fail(element.not_understood());
  return element;
}

Result<std::uint64_t> XmlElement::number(std::string_view key) const {
  const auto found = attributes.find(key);
  const auto value = found == attributes.end() ? std::nullopt : number_in(found->second);
  if (!value) return fail(not_understood());
  return *value;
}

Result<std::size_t> XmlElements::whole_element(std::string_view& rest) {
  rest = without_blanks_before(rest);
  if (rest.empty()) return 0;
  if (rest[0] != '<') return fail(Error::damaged("it printed text between its elements"));
  const std::size_t end = rest.substr(0, longest_element).find('>');
  if (end != std::string_view::npos) return end + 1;
  if (rest.size() < longest_element) return 0;
  return fail(Error::damaged("it printed an element that does not end"));
}

}  // namespace ebb
