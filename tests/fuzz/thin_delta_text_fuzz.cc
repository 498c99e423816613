// SPDX-License-Identifier: Apache-2.0
// Any text as what thin_delta prints: runs are in order and on the volume, and where the text is
// cut into pieces changes nothing.
//
// Input: one byte, the length of a piece; then the text. Blocks have 128 sectors, the volume 10
// GiB.
#include "devmap/source/thin_delta_text.h"

#include <algorithm>

namespace {

using namespace ebb;

constexpr ByteCount volume = 10_GiB;

// What is found, and whether all of it was taken well.
bool parse(std::string_view text, std::size_t piece, std::vector<ThinRun>& found) {
  ThinDeltaText parser(volume, 64_KiB);
  while (!text.empty()) {
    const std::string_view next = text.substr(0, std::min(piece, text.size()));
    if (!parser.take(next, found)) return false;
    text.remove_prefix(next.size());
  }
  return parser.finish().has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<ThinRun> whole;
  std::vector<ThinRun> pieces;
  const bool well = parse(text, text.size(), whole);
  EBB_CHECK(parse(text, 1 + data[0] % 64u, pieces) == well, "pieces are taken otherwise");
  EBB_CHECK(!well || whole == pieces, "pieces say something else");
  ByteIndex end(0);
  for (const ThinRun& run : whole) {
    EBB_CHECK(!run.bytes.empty() && run.bytes.begin >= end, "runs are not in order");
    end = run.bytes.end;
  }
  EBB_CHECK(end.value() <= volume.value(), "a change off the volume");
  return 0;
}
