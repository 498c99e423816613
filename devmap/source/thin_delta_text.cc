// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/thin_delta_text.h"

#include <optional>

namespace ebb {

Result<void> ThinDeltaText::take(std::string_view piece, std::vector<ThinRun>& found) {
  return during(elements_.read(
                    piece, [&](const XmlElement& element) { return take_element(element, found); }),
                "thin_delta");
}

Result<void> ThinDeltaText::take_element(const XmlElement& element, std::vector<ThinRun>& found) {
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
  return fail(element.not_understood());
}

Result<void> ThinDeltaText::take_superblock(const XmlElement& element) {
  if (!element.opens("superblock")) return fail(element.not_understood());
  const std::uint64_t sectors = TRY(element.number("data_block_size"));
  if (sectors != block_.value() / 512) {
    return fail(Error::mismatch("thin_delta speaks of blocks of {} sectors, the pool's have {}",
                                sectors, block_.value() / 512));
  }
  return {};
}

Result<void> ThinDeltaText::take_run(const XmlElement& element, std::vector<ThinRun>& found) {
  std::optional<ThinChange> change;
  if (element.name == "different") change = ThinChange::rewritten;
  if (element.name == "right_only") change = ThinChange::added;
  if (element.name == "left_only") change = ThinChange::discarded;
  const bool known = change.has_value() || element.name == "same";
  if (!known || !element.empty || element.attributes.size() != 2) {
    return fail(element.not_understood());
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
  if (at_ != At::end || !elements_.at_end()) {
    return fail(Error::damaged("what thin_delta printed ends before its end"));
  }
  return {};
}

}  // namespace ebb
