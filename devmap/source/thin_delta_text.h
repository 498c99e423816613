// SPDX-License-Identifier: Apache-2.0
// thin_delta_text.h - the XML that `thin_delta` prints.
//
// Format: thin-provisioning-tools, thin_delta(8); versions 0.9 and 1.0 print the same: <superblock>
// with the size of a block, in it one <diff>, in it empty elements <same>, <different>, <left_only>
// and <right_only> with `begin` and `length` in blocks, in order. Anything else is refused, because
// what is not understood may be a change: other elements, attributes twice or missing, numbers that
// are none, runs out of order, an end before </superblock>.
//
// Text comes in pieces of any size; a piece keeps at most one unfinished element in memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"
#include "devmap/source/xml_elements.h"

namespace ebb {

// How two thin devices differ in a run of blocks.
enum class ThinChange : std::uint8_t {
  rewritten,  // Both have blocks, not the same ones.
  added,      // Only the second has any.
  discarded,  // Only the first has any: the second reads as zeroes.
};

struct ThinRun {
  ByteRun bytes;
  ThinChange change = ThinChange::rewritten;
  bool operator==(const ThinRun&) const = default;
};

class ThinDeltaText {
 public:
  // Runs are clipped to `volume`, what is beyond is left out. `block` is what the pool says its
  // blocks are; text that says otherwise is of another pool.
  ThinDeltaText(ByteCount volume, ByteCount block) : volume_(volume), block_(block) {}

  // Appends the changes that are whole now.
  Result<void> take(std::string_view piece, std::vector<ThinRun>& found);
  // The text is over. What was found is all only if this does not refuse.
  Result<void> finish() const;

 private:
  enum class At : std::uint8_t { begin, superblock, diff, after_diff, end };

  Result<void> take_element(const XmlElement& element, std::vector<ThinRun>& found);
  Result<void> take_superblock(const XmlElement& element);
  Result<void> take_run(const XmlElement& element, std::vector<ThinRun>& found);

  ByteCount volume_;
  ByteCount block_;
  At at_ = At::begin;
  std::uint64_t next_block_ = 0;  // Runs begin here or later.
  XmlElements elements_;
};

}  // namespace ebb
