// SPDX-License-Identifier: Apache-2.0
#include "tests/support/cow_store.h"

#include <cstring>

namespace ebb::test {

CowStore::CowStore(ByteCount chunk, std::uint64_t chunks)
    : bytes((chunk * chunks).size()), chunk_(chunk) {
  set_header({Le32(cow_magic), Le32(1), Le32(cow_version),
              Le32(static_cast<std::uint32_t>(chunk.value() / 512))});
}

std::uint64_t CowStore::chunks_for(ByteCount chunk, std::uint64_t entries) {
  const std::uint64_t in_area = chunk.value() / sizeof(CowEntryOnDisk);
  return 1 + (in_area + 1) * (entries / in_area + 1);
}

void CowStore::save(std::uint64_t origin_chunk) {
  const std::uint64_t area = saved_ / entries_in_area();
  set_entry(saved_, origin_chunk, area_chunk(area) + 1 + saved_ % entries_in_area());
  ++saved_;
}

void CowStore::set_entry(std::uint64_t number, std::uint64_t origin_chunk,
                         std::uint64_t saved_chunk) {
  const std::uint64_t area = number / entries_in_area();
  const std::uint64_t at =
      area_chunk(area) * chunk_.value() + number % entries_in_area() * sizeof(CowEntryOnDisk);
  const CowEntryOnDisk entry{Le64(origin_chunk), Le64(saved_chunk)};
  EBB_CHECK(at + sizeof entry <= bytes.size(), "the store has room for the entry");
  std::memcpy(bytes.data() + at, &entry, sizeof entry);
}

void CowStore::set_header(CowHeaderOnDisk header) {
  EBB_CHECK(bytes.size() >= sizeof header, "the store has room for its header");
  std::memcpy(bytes.data(), &header, sizeof header);
}

CowHeaderOnDisk CowStore::header() const {
  CowHeaderOnDisk header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

}  // namespace ebb::test
