// SPDX-License-Identifier: Apache-2.0
#include "devmap/dirty_map.h"

#include <bit>

namespace ebb {

namespace {

constexpr std::uint64_t bits_in_word = 64;

// Bits [from, to) of one word, to <= 64.
std::uint64_t mask(std::uint64_t from, std::uint64_t to) {
  const std::uint64_t below_to = to == bits_in_word ? ~0ull : (1ull << to) - 1;
  return below_to & ~((1ull << from) - 1);
}

void check_inside(const BlockGrid& grid, BlockRun run) {
  EBB_CHECK(run.empty() || run.end.value() <= grid.count().value(), "a run past the map");
}

// Calls look(word, the bits of the run in it) for each word of the run.
void each_word(BlockRun run, auto look) {
  for (std::uint64_t at = run.begin.value(); at < run.end.value();) {
    const std::uint64_t word = at / bits_in_word;
    const std::uint64_t stop = std::min((word + 1) * bits_in_word, run.end.value());
    look(word, mask(at % bits_in_word, stop - word * bits_in_word));
    at = stop;
  }
}

}  // namespace

DirtyMap::DirtyMap(BlockGrid grid, std::uint64_t fill)
    : grid_(grid), words_((grid.count().value() + bits_in_word - 1) / bits_in_word, fill) {
  const std::uint64_t used = grid.count().value() % bits_in_word;
  if (!words_.empty() && used != 0) words_.back() &= mask(0, used);
}

void DirtyMap::mark(BlockRun run) {
  check_inside(grid_, run);
  each_word(run, [&](std::uint64_t word, std::uint64_t bits) { words_[word] |= bits; });
}

void DirtyMap::clear(BlockRun run) {
  check_inside(grid_, run);
  each_word(run, [&](std::uint64_t word, std::uint64_t bits) { words_[word] &= ~bits; });
}

bool DirtyMap::dirty(BlockIndex block) const {
  EBB_CHECK(block.value() < grid_.count().value(), "a look past the map");
  return (words_[block.value() / bits_in_word] >> (block.value() % bits_in_word) & 1) != 0;
}

BlockCount DirtyMap::dirty_count(BlockRun run) const {
  check_inside(grid_, run);
  std::uint64_t n = 0;
  each_word(run, [&](std::uint64_t word, std::uint64_t bits) {
    n += static_cast<std::uint64_t>(std::popcount(words_[word] & bits));
  });
  return BlockCount(n);
}

std::optional<BlockRun> DirtyMap::next_dirty(BlockIndex from, BlockCount longest) const {
  std::uint64_t at = from.value();
  const std::uint64_t end = grid_.count().value();
  while (at < end) {
    const std::uint64_t rest = words_[at / bits_in_word] >> (at % bits_in_word);
    if (rest != 0) {
      at += static_cast<std::uint64_t>(std::countr_zero(rest));
      break;
    }
    at = (at / bits_in_word + 1) * bits_in_word;
  }
  if (at >= end) return std::nullopt;
  std::uint64_t stop = at;
  const std::uint64_t furthest = std::min(end, at + longest.value());
  while (stop < furthest) {
    const std::uint64_t clear = ~(words_[stop / bits_in_word] >> (stop % bits_in_word));
    const std::uint64_t run = static_cast<std::uint64_t>(std::countr_zero(clear));
    const std::uint64_t in_word = std::min(run, bits_in_word - stop % bits_in_word);
    stop += in_word;
    if (in_word == 0 || stop % bits_in_word != 0) break;
  }
  return BlockRun{BlockIndex(at), BlockIndex(std::min(stop, furthest))};
}

void DirtyMap::unite(const DirtyMap& other) {
  EBB_CHECK(other.grid_ == grid_, "maps of two grids");
  for (std::size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
}

}  // namespace ebb
