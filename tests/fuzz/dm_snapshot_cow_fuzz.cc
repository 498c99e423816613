// SPDX-License-Identifier: Apache-2.0
// Any bytes as the COW device of a snapshot: the walk ends, and says nothing beyond the origin.
//
// Input: four bytes, the size of the origin in sectors; then the store.
#include <cstring>

#include "devmap/source/dm_snapshot_cow.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ebb;
  if (size < 4) return 0;
  Le32 sectors;
  std::memcpy(&sectors, data, sizeof sectors);
  const ByteCount origin = 512_B * sectors.value();
  MemorySource source(std::as_bytes(std::span(data, size)).subspan(4));
  auto table = DmSnapshotCow::open(source, origin);
  if (!table) return 0;
  ByteCount said;
  while (true) {
    const auto run = table->next();
    if (!run) {
      EBB_CHECK(!table->next(), "a refusal is forgotten");
      break;
    }
    if (!*run) break;
    EBB_CHECK(!(*run)->empty() && (*run)->end.value() <= origin.value(), "a change off the origin");
    said += (*run)->length();
    EBB_CHECK(said.value() <= origin.value(), "more changes than the origin has bytes");
  }
  return 0;
}
