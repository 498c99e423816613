// SPDX-License-Identifier: Apache-2.0
// changed_ranges.h - a change source that is a file: ranges of bytes that somebody else found to
// have changed since a point.
//
// Text, a line each; '#' begins a comment. The first line that is none names the point, by at least
// 12 hexadecimal digits of its id, the others a range by its first byte and its length:
//
//   since 4f0c22aa9b31
//   0 1048576
//   1073741824 65536
//
// It binds nothing but that point, and leaves no token: the next run needs a list of its own.
#pragma once

#include <vector>

#include "devmap/source/change_source.h"

namespace ebb {

struct ChangedRanges {
  std::string since;  // Digits of a point's id, in lower case.
  std::vector<ByteRun> runs;
};

inline constexpr std::size_t max_changed_ranges = 1u << 22;

// Invalid, with the number of the line.
Result<ChangedRanges> parse_changed_ranges(std::string_view text);

class ChangedRangesSource final : public ChangeSource {
 public:
  explicit ChangedRangesSource(ChangedRanges ranges) : ranges_(std::move(ranges)) {}
  SourceKind kind() const override { return SourceKind::ranges; }
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override;
  // A list is of one instant, and so must be what is read.
  Result<bool> may_have_changed_meanwhile(ByteRun) override { return false; }
  Result<void> committed() override { return {}; }

 private:
  ChangedRanges ranges_;
};

}  // namespace ebb
