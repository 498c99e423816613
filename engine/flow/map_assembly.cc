// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/map_assembly.h"

#include <algorithm>
#include <utility>

namespace ebb {

namespace {

// Of a segment. With more, nearly all leaves are read anyway.
constexpr std::uint64_t few_blocks = blocks_in_segment / 4;

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

// By what differs from the base, where that is enough. What cannot be read of it is for fill_gaps()
// to meet.
Result<bool> MapAssembly::hand_on_changes() {
  if (base_ == nullptr || set_count_ > few_blocks) return false;
  std::vector<Override> changes;
  for (std::uint64_t i = 0; i < blocks_here(); ++i) {
    if (!set_[i]) continue;
    const auto before = base_->at(BlockIndex(segment_ * blocks_in_segment + i));
    if (!before) return false;
    if (*before != entries_[i]) changes.push_back({static_cast<std::uint16_t>(i), entries_[i]});
  }
  return writer_.put_changes(changes);
}

Result<void> MapAssembly::hand_on() {
  if (zero_only_ == blocks_here()) {
    TRY(writer_.put_zero());
  } else if (touched_ || zero_only_ > 0) {
    touch();
    if (!TRY(hand_on_changes())) {
      TRY(fill_gaps());
      TRY(writer_.put(entries_));
    }
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
  set_count_ = std::exchange(zero_only_, 0);
}

Result<void> MapAssembly::put(BlockIndex begin, std::span<const Fingerprint> prints) {
  TRY(go_to(segment_of(begin)));
  const std::uint64_t at = begin.value() % blocks_in_segment;
  EBB_CHECK(at + prints.size() <= blocks_in_segment, "a run stays inside one segment");
  touch();
  std::ranges::copy(prints, entries_.begin() + static_cast<std::ptrdiff_t>(at));
  std::fill_n(set_.begin() + static_cast<std::ptrdiff_t>(at), prints.size(), true);
  set_count_ += prints.size();
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
  set_count_ += run.length().value();
  return {};
}

Result<MapRoot> MapAssembly::finish() {
  while (segment_ < segment_count(blocks_)) TRY(hand_on());
  return writer_.finish();
}

}  // namespace ebb
