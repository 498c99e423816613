// SPDX-License-Identifier: Apache-2.0
// era_text.h - the XML that `era_invalidate` prints: which blocks were written since an era.
//
// Format: thin-provisioning-tools, era_invalidate(8); version 0.9 prints <blocks> and in it, in
// order, empty elements <block block="100"/> and <range begin="3" end = "8"/>, whose end is no part
// of it. Anything else is refused.
#pragma once

#include <string_view>
#include <vector>

#include "devmap/core/units.h"
#include "devmap/source/xml_elements.h"

namespace ebb {

class EraText {
 public:
  // Runs are clipped to `device`; `block` is what the target says its blocks are.
  EraText(ByteCount device, ByteCount block) : device_(device), block_(block) {}

  // Appends the runs that are whole now.
  Result<void> take(std::string_view piece, std::vector<ByteRun>& found);
  // The text is over. What was found is all only if this does not refuse.
  Result<void> finish() const;

 private:
  enum class At : std::uint8_t { begin, blocks, end };
  Result<void> take_element(const XmlElement& element, std::vector<ByteRun>& found);
  Result<void> take_run(const XmlElement& element, std::vector<ByteRun>& found);

  ByteCount device_;
  ByteCount block_;
  At at_ = At::begin;
  std::uint64_t next_block_ = 0;  // Runs begin here or later.
  XmlElements elements_;
};

}  // namespace ebb
