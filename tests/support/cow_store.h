// SPDX-License-Identifier: Apache-2.0
// cow_store.h - the COW device of a thick snapshot, as the kernel would have filled it.
#pragma once

#include <cstdint>
#include <vector>

#include "devmap/source/dm_snapshot_cow.h"

namespace ebb::test {

class CowStore {
 public:
  // Of `chunks` chunks, with a sound header and no entries. Saved data are zeroes.
  CowStore(ByteCount chunk, std::uint64_t chunks);

  // The next chunk of the origin is saved. There is room for it.
  void save(std::uint64_t origin_chunk);
  // Overwrites the entry with that number, or the header.
  void set_entry(std::uint64_t number, std::uint64_t origin_chunk, std::uint64_t saved_chunk);
  void set_header(CowHeaderOnDisk header);
  CowHeaderOnDisk header() const;

  std::uint64_t entries_in_area() const { return chunk_.value() / sizeof(CowEntryOnDisk); }
  std::uint64_t area_chunk(std::uint64_t area) const { return 1 + (entries_in_area() + 1) * area; }
  // Chunks of a store with room for so many entries and for the area after them.
  static std::uint64_t chunks_for(ByteCount chunk, std::uint64_t entries);

  ByteVector bytes;

 private:
  ByteCount chunk_;
  std::uint64_t saved_ = 0;
};

}  // namespace ebb::test
