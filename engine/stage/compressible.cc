// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/compressible.h"

#include <lz4.h>

#include <algorithm>
#include <array>

namespace ebb {

namespace {

// What the look at single bytes reads.
constexpr std::size_t stretch_size = 256;
constexpr std::size_t stretches = 16;
// What the look at repeats reads.
constexpr std::size_t piece_size = 4096;
constexpr std::size_t fewest_pieces = 4;
constexpr std::size_t most_pieces = 32;

constexpr std::size_t pieces_of(std::size_t block_size) {
  return std::clamp(block_size / (4 * piece_size), fewest_pieces, most_pieces);
}
// A sample must pack to less than this to show that the block has repeats.
constexpr std::size_t worthless(std::size_t sample_size) {
  return sample_size - sample_size / 100;
}

static_assert(piece_size * fewest_pieces <= CompressibleTest::smallest_looked_at);
static_assert(stretch_size * stretches <= CompressibleTest::smallest_looked_at);

// The i-th of `count` places of `size` bytes, spread over the block from its first to its last.
Bytes place_of(Bytes block, std::size_t i, std::size_t count, std::size_t size) {
  return block.subspan((block.size() - size) * i / (count - 1), size);
}

// Counts pairs of equal bytes. n random bytes have n * (n - 1) / 256 ordered pairs, give or take
// n * sqrt(2 / 256): a tenth more is not chance at 4096 bytes. Text and machine code have several
// times as many; what a compressor left behind does not.
bool evenly_spread(Bytes block) {
  // Four tables, so that a run of one byte does not wait for its own last increment.
  std::array<std::array<std::uint16_t, 256>, 4> counts{};
  for (std::size_t i = 0; i < stretches; ++i) {
    const Bytes stretch = place_of(block, i, stretches, stretch_size);
    for (std::size_t at = 0; at < stretch.size(); at += 4) {
      for (std::size_t table = 0; table < 4; ++table) {
        ++counts[table][static_cast<std::uint8_t>(stretch[at + table])];
      }
    }
  }
  constexpr std::uint64_t n = stretches * stretch_size;
  std::uint64_t pairs = 0;
  for (std::size_t value = 0; value < 256; ++value) {
    const std::uint64_t seen =
        counts[0][value] + counts[1][value] + counts[2][value] + counts[3][value];
    pairs += seen * seen;
  }
  pairs -= n;  // A byte makes no pair with itself.
  return pairs * 256 * 10 < n * n * 11;
}

}  // namespace

CompressibleTest::CompressibleTest()
    : lz4_state_(static_cast<std::size_t>(LZ4_sizeofState()) / sizeof(std::uint64_t) + 1),
      sample_(most_pieces * piece_size),
      packed_(worthless(most_pieces * piece_size)) {}

bool CompressibleTest::may_compress(Bytes block) {
  return block.size() < smallest_looked_at || !evenly_spread(block) || repeats(block);
}

bool CompressibleTest::repeats(Bytes block) {
  // Joined, so that a piece that is like another one is found too.
  const std::size_t pieces = pieces_of(block.size());
  for (std::size_t i = 0; i < pieces; ++i) {
    const Bytes piece = place_of(block, i, pieces, piece_size);
    std::memcpy(sample_.data() + i * piece_size, piece.data(), piece_size);
  }
  const std::size_t size = pieces * piece_size;
  return LZ4_compress_fast_extState(lz4_state_.data(),
                                    reinterpret_cast<const char*>(sample_.data()),
                                    reinterpret_cast<char*>(packed_.data()), static_cast<int>(size),
                                    static_cast<int>(worthless(size)), 1) > 0;
}

}  // namespace ebb
