// SPDX-License-Identifier: Apache-2.0
// map_assembly.h - collects the fingerprints of a run, in order, and makes the new point's map.
//
// Takes what the run found and hands a segment on when the next one begins. Blocks of it that the
// run did not touch are as in the base; a segment that it did not touch is not even read, and of
// one of which it looked at a few blocks only their leaves.
#pragma once

#include "engine/repo/map_writer.h"

namespace ebb {

class MapAssembly {
 public:
  // `base` may be null. Both outlive the assembly.
  MapAssembly(PageSink& sink, PageSource& pages, MapReader* base, BlockCount blocks)
      : writer_(sink, pages, base, blocks), base_(base), blocks_(blocks) {}

  // Blocks [begin, begin + prints.size()) have these fingerprints. Runs come in ascending order and
  // stay inside one segment.
  Result<void> put(BlockIndex begin, std::span<const Fingerprint> prints);
  // The same for a run of zero blocks.
  Result<void> put_zero(BlockRun run);
  Result<MapRoot> finish();

 private:
  Result<void> go_to(std::uint64_t segment);
  Result<void> hand_on();
  Result<bool> hand_on_changes();
  Result<void> fill_gaps();
  void touch();
  std::uint64_t blocks_here() const;
  MapWriter writer_;
  MapReader* base_;
  BlockCount blocks_;
  std::uint64_t segment_ = 0;
  std::uint64_t zero_only_ = 0;  // Blocks of segment_ put as zero while nothing else was put.
  bool touched_ = false;         // entries_ and set_ are in use.
  SegmentEntries entries_;
  std::vector<bool> set_;
  std::uint64_t set_count_ = 0;
};

}  // namespace ebb
