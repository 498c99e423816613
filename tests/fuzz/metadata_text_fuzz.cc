// SPDX-License-Identifier: Apache-2.0
// Any text as what thin_delta or era_invalidate prints: runs are in order and on the volume, and
// where the text is cut into pieces changes nothing.
//
// Input: one byte, the length of a piece, with the highest bit for era_invalidate; then the text.
// Blocks have 128 sectors, the volume 10 GiB.
#include <algorithm>

#include "devmap/source/era_text.h"
#include "devmap/source/thin_delta_text.h"

namespace {

using namespace ebb;

constexpr ByteCount volume = 10_GiB;

ByteRun bytes_of(const ThinRun& run) {
  return run.bytes;
}
ByteRun bytes_of(const ByteRun& run) {
  return run;
}

// What is found, and whether all of it was taken well.
template <class Text, class Run>
bool parse(std::string_view text, std::size_t piece, std::vector<Run>& found) {
  Text parser(volume, 64_KiB);
  while (!text.empty()) {
    const std::string_view next = text.substr(0, std::min(piece, text.size()));
    if (!parser.take(next, found)) return false;
    text.remove_prefix(next.size());
  }
  return parser.finish().has_value();
}

template <class Text, class Run>
void look_at(std::string_view text, std::size_t piece) {
  std::vector<Run> whole;
  std::vector<Run> pieces;
  const bool well = parse<Text>(text, text.size(), whole);
  EBB_CHECK(parse<Text>(text, piece, pieces) == well, "pieces are taken otherwise");
  EBB_CHECK(!well || whole == pieces, "pieces say something else");
  ByteIndex end(0);
  for (const Run& run : whole) {
    const ByteRun bytes = bytes_of(run);
    EBB_CHECK(!bytes.empty() && bytes.begin >= end, "runs are not in order");
    end = bytes.end;
  }
  EBB_CHECK(end.value() <= volume.value(), "a change off the volume");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = 1 + data[0] % 64u;
  if ((data[0] & 0x80) != 0) {
    look_at<EraText, ByteRun>(text, piece);
  } else {
    look_at<ThinDeltaText, ThinRun>(text, piece);
  }
  return 0;
}
