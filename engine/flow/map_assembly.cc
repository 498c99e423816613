// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/map_assembly.h"

#include <algorithm>

namespace ebb {

namespace {

std::uint64_t segment_of(BlockIndex block) {
  return block.value() / blocks_in_segment;
}

}  // namespace

// How many blocks of segment_ are the device's.
std::uint64_t MapAssembly::blocks_here() const {
  return std::min(blocks_in_segment, blocks_.value() - segment_ * blocks_in_segment);
}

Result<void> MapAssembly::fill_gaps() {
  for (std::uint64_t i = 0; i < blocks_here(); ++i) {
    if (set_[i]) continue;
    const BlockIndex block(segment_ * blocks_in_segment + i);
    if (base_ != nullptr) entries_[i] = TRY(base_->at(block));
  }
  return {};
}

Result<void> MapAssembly::hand_on() {
  if (zero_only_ == blocks_here()) {
    TRY(writer_.put_zero());
  } else if (touched_ || zero_only_ > 0) {
    touch();
    TRY(fill_gaps());
    TRY(writer_.put(entries_));
  } else {
    TRY(writer_.put_unchanged());
  }
  touched_ = false;
  zero_only_ = 0;
  ++segment_;
  return {};
}

Result<void> MapAssembly::go_to(std::uint64_t segment) {
  EBB_CHECK(segment >= segment_, "fingerprints come in order");
  while (segment_ < segment) TRY(hand_on());
  return {};
}

void MapAssembly::touch() {
  if (touched_) return;
  touched_ = true;
  entries_.assign(blocks_in_segment, Fingerprint{});
  set_.assign(blocks_in_segment, false);
  // Runs of zero blocks came before and began where the segment does.
  std::fill_n(set_.begin(), zero_only_, true);
  zero_only_ = 0;
}

Result<void> MapAssembly::put(BlockIndex begin, std::span<const Fingerprint> prints) {
  TRY(go_to(segment_of(begin)));
  const std::uint64_t at = begin.value() % blocks_in_segment;
  EBB_CHECK(at + prints.size() <= blocks_in_segment, "a run stays inside one segment");
  touch();
  std::ranges::copy(prints, entries_.begin() + static_cast<std::ptrdiff_t>(at));
  std::fill_n(set_.begin() + static_cast<std::ptrdiff_t>(at), prints.size(), true);
  return {};
}

Result<void> MapAssembly::put_zero(BlockRun run) {
  TRY(go_to(segment_of(run.begin)));
  const std::uint64_t at = run.begin.value() % blocks_in_segment;
  if (!touched_ && at == zero_only_) {
    zero_only_ += run.length().value();
    return {};
  }
  touch();
  std::fill_n(set_.begin() + static_cast<std::ptrdiff_t>(at), run.length().value(), true);
  return {};
}

Result<MapRoot> MapAssembly::finish() {
  while (segment_ < segment_count(blocks_)) TRY(hand_on());
  return writer_.finish();
}

}  // namespace ebb
