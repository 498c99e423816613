// SPDX-License-Identifier: Apache-2.0
#include "bench/index/made_up_records.h"

#include <cstring>

namespace ebb::bench {

namespace {

constexpr std::uint64_t first_absent = 1ull << 60;
constexpr std::uint64_t first_pack = 1ull << 61;

// The finalizer of splitmix64 (Steele, Lea, Flood 2014): different numbers, unlike results.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

template <class N>
N name_of(std::uint64_t number) {
  N name;
  for (std::size_t at = 0; at < name.bytes.size(); at += sizeof number) {
    const std::uint64_t word = mixed(number * 4 + at / sizeof number);
    std::memcpy(name.bytes.data() + at, &word, sizeof word);
  }
  return name;
}

}  // namespace

PackId MadeUpRecords::pack(std::uint64_t number) const {
  return name_of<PackId>(first_pack + number);
}
RecordName MadeUpRecords::name(std::uint64_t number) const {
  return name_of<RecordName>(number);
}
RecordName MadeUpRecords::absent_name(std::uint64_t number) const {
  return name_of<RecordName>(first_absent + number);
}
RecordPlace MadeUpRecords::place(std::uint64_t number) const {
  const auto in_pack = static_cast<std::uint32_t>(number % in_one_pack);
  constexpr std::uint32_t first_at = sizeof(PackHeaderOnDisk);
  return {pack(number / in_one_pack), first_at + in_pack * record_size, payload_size};
}

std::vector<TableEntry> MadeUpRecords::table(std::uint64_t pack_number) const {
  std::vector<TableEntry> entries;
  entries.reserve(in_one_pack);
  for (std::uint64_t i = 0; i < in_one_pack; ++i) {
    const std::uint64_t number = pack_number * in_one_pack + i;
    const RecordPlace place = this->place(number);
    entries.push_back({name(number), place.at, place.stored_length});
  }
  return entries;
}

}  // namespace ebb::bench
