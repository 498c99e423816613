// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/era_text.h"

namespace ebb {

Result<void> EraText::take(std::string_view piece, std::vector<ByteRun>& found) {
  return during(elements_.read(
                    piece, [&](const XmlElement& element) { return take_element(element, found); }),
                "era_invalidate");
}

Result<void> EraText::take_element(const XmlElement& element, std::vector<ByteRun>& found) {
  if (at_ == At::begin && element.opens("blocks") && element.attributes.empty()) {
    at_ = At::blocks;
    return {};
  }
  if (at_ != At::blocks) return fail(element.not_understood());
  if (!element.ends("blocks")) return take_run(element, found);
  at_ = At::end;
  return {};
}

Result<void> EraText::take_run(const XmlElement& element, std::vector<ByteRun>& found) {
  const bool is_range = element.name == "range";
  if (!element.empty || (!is_range && element.name != "block") ||
      element.attributes.size() != (is_range ? 2u : 1u)) {
    return fail(element.not_understood());
  }
  const std::uint64_t begin = TRY(element.number(is_range ? "begin" : "block"));
  std::uint64_t end = 0;
  std::uint64_t end_byte = 0;
  if (is_range) {
    end = TRY(element.number("end"));
  } else if (__builtin_add_overflow(begin, 1, &end)) {
    return fail(element.not_understood());
  }
  if (begin < next_block_ || end <= begin ||
      __builtin_mul_overflow(end, block_.value(), &end_byte)) {
    return fail(Error::damaged("it printed a run that cannot be: <{}>", element.inside));
  }
  next_block_ = end;
  const ByteRun bytes{ByteIndex(begin * block_.value()), ByteIndex(end_byte)};
  const ByteRun clipped = bytes.shared_with(ByteRun::of(ByteIndex(0), device_));
  if (!clipped.empty()) found.push_back(clipped);
  return {};
}

Result<void> EraText::finish() const {
  if (at_ != At::end || !elements_.at_end()) {
    return fail(Error::damaged("what era_invalidate printed ends before its end"));
  }
  return {};
}

}  // namespace ebb
