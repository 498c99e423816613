// SPDX-License-Identifier: Apache-2.0
// parity.h - Reed-Solomon over the chunks of a pack (ISA-L, GF(2^8) modulo 0x11d).
//
// Every stripe is a shortened code of 64 data chunks: positions that a small pack does not fill
// count as zeroes. Parity row r has the coefficient 1 / ((64 + r) xor j) for position j, which is
// ISA-L's first Cauchy matrix, so any two chunks of a stripe with two rows can be solved for. Data
// chunk i is position i / 65 of stripe i mod 65; parity chunk n continues the count, so that any 65
// chunks in a row on disk are of 65 stripes. Errors are found by CRC; this code only solves for
// erasures.
#pragma once

#include <vector>

#include "engine/repo/pack_format.h"

namespace ebb {

// Sums up parity while a pack's data streams by.
class ParitySum {
 public:
  // `room` has size_of_room() bytes and is kept.
  explicit ParitySum(MutableBytes room);
  static constexpr ByteCount size_of_room() {
    return pack_chunk * (max_pack_parity * pack_stripes);
  }
  void clear();
  // Chunk number `chunk` of the data; each number once, in any order.
  void add(std::uint32_t chunk, Bytes bytes);
  // Row `row` of stripe `stripe`.
  MutableBytes parity(std::uint32_t row, std::uint32_t stripe) const;

 private:
  MutableBytes room_;
};

// Which stripe chunk `chunk` (counted over data, then parity) belongs to.
constexpr std::uint32_t stripe_of(std::uint32_t chunk) {
  return chunk % pack_stripes;
}
// The stripes of parity chunks in file order: chunk data_chunks + n is row n / 65 of this stripe.
constexpr std::uint32_t parity_row_of(const PackTail& tail, std::uint32_t chunk) {
  return (chunk - tail.data_chunks) / pack_stripes;
}

// What was mended in a pack that lies in memory.
struct Mended {
  std::vector<std::uint32_t> mended;  // Chunks.
  std::vector<std::uint32_t> lost;    // Chunks beyond repair.
};

// `pack` is a whole pack file whose tail is `tail`. Mends every chunk whose CRC is wrong and that
// its stripe can solve for, in place, and checks its CRC again.
Mended mend(const PackTail& tail, MutableBytes pack);

}  // namespace ebb
