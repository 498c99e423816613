// SPDX-License-Identifier: Apache-2.0
// read_plan.h - which blocks a backup reads: all, or what a change source calls changed and a part
// of what it calls clean, to see whether it told the truth.
//
// That part is a random sample, and a slice that moves on with each run, so that a block which was
// missed is found after as many runs as there are slices. A clean block that turns out to differ
// means that the source cannot be believed; then everything is read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "devmap/core/random.h"
#include "devmap/dirty_map.h"

namespace ebb {

struct AuditPolicy {
  double share = 0.01;        // Of the clean blocks, in [0, 1].
  std::uint64_t least = 64;   // Blocks, where there are as many.
  std::uint64_t most = 4096;  // How sure a sample makes depends on its size, not on the device's.
  // What is read again in order, at most; and of so many such slices at least the device is made.
  ByteCount slice{128ull << 20};
  std::uint64_t slices = 32;
};

// What was looked at of what a source called clean, and what that shows.
struct Audit {
  std::uint64_t clean = 0;    // Blocks that were called so.
  std::uint64_t sampled = 0;  // Of them, at random.
  std::uint64_t in_slice = 0;
  // The share of the clean blocks of which fewer were missed, with a certainty of 99 %, when no
  // sampled block was found to differ.
  double bound() const;
  // "655 of 65536 clean blocks read again: 99 % sure that fewer than 0.7 % were missed".
  std::string text() const;
  bool operator==(const Audit&) const = default;
};

class ReadPlan {
 public:
  static ReadPlan everything(BlockGrid grid) { return ReadPlan(grid); }
  // `slice_begin` is where the former run's slice ended. What is in `free`, which may be null, is
  // not looked at again.
  static ReadPlan of(DirtyMap changed, const DirtyMap* free, const AuditPolicy& policy,
                     BlockIndex slice_begin, Random& random);

  bool is_everything() const { return !blocks_.has_value(); }
  ByteCount planned() const {
    return blocks_ ? grid_.block().bytes() * blocks_->dirty_count().value() : grid_.size();
  }
  // The next blocks to read that begin at or after `from`, at most `longest`; nothing at the end.
  std::optional<BlockRun> next(BlockIndex from, BlockCount longest) const;
  // Whether the block was called clean, and is read all the same.
  bool is_audited(BlockIndex block) const;

  const Audit& audit() const { return audit_; }
  // Where the next run's slice begins.
  BlockIndex slice_end() const { return slice_end_; }

 private:
  explicit ReadPlan(BlockGrid grid) : grid_(grid) {}
  void add_sample(const DirtyMap& passed_over, const AuditPolicy& policy, Random& random);
  void add_slice(const DirtyMap& passed_over, const AuditPolicy& policy, BlockIndex begin);

  BlockGrid grid_;
  std::optional<DirtyMap> blocks_;
  std::vector<BlockIndex> audited_;  // Sorted.
  BlockIndex slice_end_;
  Audit audit_;
};

}  // namespace ebb
