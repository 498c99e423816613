// SPDX-License-Identifier: Apache-2.0
// point_blocks.h - walks the blocks of a point, a window at a time: where each lies, what is zero,
// what is damaged.
//
// A window is so small that its lists fit in memory whatever the volume's size; inside one, records
// come in the order in which they lie in packs, so that reading them is reading packs.
#pragma once

#include <functional>

#include "devmap/dirty_map.h"
#include "engine/flow/damage.h"
#include "engine/flow/extent_source.h"
#include "engine/repo/cached_pages.h"

namespace ebb {

struct WantedRecord {
  RecordPlace place;
  Fingerprint name;
  BlockIndex block;
};

struct BlockWindow {
  BlockRun run;
  std::vector<WantedRecord> wanted;  // By place; a place comes twice when two blocks are alike.
  std::vector<BlockRun> zeroes;      // Runs, ascending.
  std::vector<Damage> damages;
  std::vector<std::optional<Fingerprint>> prints;  // Of every block of the run; those that are not
                                                   // wanted or damaged have none.
};

class PointBlocks {
 public:
  PointBlocks(ExtentSource& source, const Point& point);

  const BlockGrid& grid() const { return grid_; }
  // How many blocks a window has: 1 GiB of the volume, within bounds on the lists.
  BlockCount window_size() const;
  // The name of this segment's page in the map; zero when all its blocks are zero.
  Result<PageDigest> segment_digest(std::uint64_t segment) { return map_.segment_digest(segment); }
  // All blocks of `run` are zero; no when that cannot be known.
  Result<bool> is_zero(BlockRun run);
  // The window that begins at `begin`, up to its size or `end`. Blocks for which `wanted` says no
  // are left out of all lists.
  Result<BlockWindow> window(BlockRun run, const std::function<bool(BlockIndex)>& wanted);
  // The fingerprints of `run` (zero: a zero block); blocks whose page is damaged are named in
  // `damages` and have no value.
  Result<std::vector<std::optional<Fingerprint>>> prints(BlockRun run,
                                                         std::vector<Damage>& damages);

 private:
  Result<void> load(std::uint64_t segment);
  BlockGrid grid_;
  ExtentSource& source_;
  CachedPages pages_;
  MapReader map_;
  std::optional<std::uint64_t> loaded_;
  std::vector<std::optional<Fingerprint>> entries_;  // Of the loaded segment.
  std::vector<Damage> load_damages_;
};

}  // namespace ebb
