// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/thin_delta_text.h"

#include <algorithm>
#include <map>
#include <optional>

#include "devmap/text_file.h"

namespace ebb {

namespace {

// The longest that thin_delta prints is the superblock's, with some 150 bytes.
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

Error not_understood(std::string_view what) {
  return Error::damaged("thin_delta printed what this ebb does not understand: <{}>", what);
}

}  // namespace

// What stands between < and >.
struct ThinDeltaText::Element {
  std::string_view inside;
  bool closes = false;  // </name>
  bool empty = false;   // <name/>
  std::string_view name;
  std::map<std::string_view, std::string_view> attributes;

  static Result<Element> of(std::string_view inside) {
    Element element;
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
      if (blank.find(rest[0]) == std::string_view::npos) return fail(not_understood(inside));
      rest = without_blanks_before(rest);
      const std::string_view key = name_at(rest);
      rest.remove_prefix(key.size());
      const std::size_t end = rest.size() < 2 ? std::string_view::npos : rest.find('"', 2);
      if (key.empty() || !rest.starts_with("=\"")) return fail(not_understood(inside));
      if (end == std::string_view::npos) return fail(not_understood(inside));
      if (!element.attributes.emplace(key, rest.substr(2, end - 2)).second) {
        return fail(not_understood(inside));
      }
      rest.remove_prefix(end + 1);
    }
    const bool closes_with_more = element.closes && (element.empty || !element.attributes.empty());
    if (element.name.empty() || closes_with_more) return fail(not_understood(inside));
    return element;
  }

  bool opens(std::string_view which) const { return !closes && !empty && name == which; }
  bool ends(std::string_view which) const { return closes && name == which; }
  Result<std::uint64_t> number(std::string_view key) const {
    const auto found = attributes.find(key);
    const auto value = found == attributes.end() ? std::nullopt : number_in(found->second);
    if (!value) return fail(not_understood(inside));
    return *value;
  }
};

Result<void> ThinDeltaText::take(std::string_view piece, std::vector<ThinRun>& found) {
  unfinished_ += piece;
  std::string_view rest = unfinished_;
  while (true) {
    rest = without_blanks_before(rest);
    if (rest.empty()) break;
    if (rest[0] != '<') return fail(Error::damaged("thin_delta printed text between its elements"));
    const std::size_t end = rest.substr(0, longest_element).find('>');
    if (end == std::string_view::npos) {
      if (rest.size() >= longest_element) {
        return fail(Error::damaged("thin_delta printed an element that does not end"));
      }
      break;
    }
    TRY(take_element(rest.substr(1, end - 1), found));
    rest.remove_prefix(end + 1);
  }
  unfinished_ = std::string(rest);
  return {};
}

Result<void> ThinDeltaText::take_element(std::string_view inside, std::vector<ThinRun>& found) {
  const Element element = TRY(Element::of(inside));
  switch (at_) {
    case At::begin: at_ = At::superblock; return take_superblock(element);
    case At::superblock:
      if (!element.opens("diff")) break;
      at_ = At::diff;
      return {};
    case At::diff:
      if (!element.ends("diff")) return take_run(element, found);
      at_ = At::after_diff;
      return {};
    case At::after_diff:
      if (!element.ends("superblock")) break;
      at_ = At::end;
      return {};
    case At::end: break;
  }
  return fail(not_understood(inside));
}

Result<void> ThinDeltaText::take_superblock(const Element& element) {
  if (!element.opens("superblock")) return fail(not_understood(element.inside));
  const std::uint64_t sectors = TRY(element.number("data_block_size"));
  if (sectors != block_.value() / 512) {
    return fail(Error::mismatch("thin_delta speaks of blocks of {} sectors, the pool's have {}",
                                sectors, block_.value() / 512));
  }
  return {};
}

Result<void> ThinDeltaText::take_run(const Element& element, std::vector<ThinRun>& found) {
  std::optional<ThinChange> change;
  if (element.name == "different") change = ThinChange::rewritten;
  if (element.name == "right_only") change = ThinChange::added;
  if (element.name == "left_only") change = ThinChange::discarded;
  const bool known = change.has_value() || element.name == "same";
  if (!known || !element.empty || element.attributes.size() != 2) {
    return fail(not_understood(element.inside));
  }
  const std::uint64_t begin = TRY(element.number("begin"));
  const std::uint64_t length = TRY(element.number("length"));
  std::uint64_t end = 0;
  std::uint64_t end_byte = 0;
  if (begin < next_block_ || length == 0 || __builtin_add_overflow(begin, length, &end) ||
      __builtin_mul_overflow(end, block_.value(), &end_byte)) {
    return fail(Error::damaged("thin_delta printed a run that cannot be: <{}>", element.inside));
  }
  next_block_ = end;
  const ByteRun bytes = ByteRun{ByteIndex(begin * block_.value()), ByteIndex(end_byte)};
  const ByteRun clipped = bytes.shared_with(ByteRun::of(ByteIndex(0), volume_));
  if (change && !clipped.empty()) found.push_back({clipped, *change});
  return {};
}

Result<void> ThinDeltaText::finish() const {
  if (at_ != At::end || !unfinished_.empty()) {
    return fail(Error::damaged("what thin_delta printed ends before its end"));
  }
  return {};
}

}  // namespace ebb
