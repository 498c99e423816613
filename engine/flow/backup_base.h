// SPDX-License-Identifier: Apache-2.0
// backup_base.h - the point that a backup compares with, and how far it can be trusted.
//
// Whatever about it does not hold (it is damaged, signed by nobody, has other blocks), the run goes
// on without it and says why: that costs time, never data.
#pragma once

#include <memory>
#include <optional>

#include "engine/flow/extent_sink.h"
#include "engine/flow/observer.h"
#include "engine/repo/cached_pages.h"
#include "engine/repo/source_key.h"

namespace ebb {

// The last point of this volume that the source itself remembers to have made.
struct RememberedPoint {
  std::uint64_t sequence = 0;
  PointId id;
  // The next one, which it was about to publish when it was last heard of; zero: none. Whether it
  // came to that is what the repository knows.
  PointId promised = {};

  bool is_or_promised(const PointId& other) const {
    return other == id || (!promised.is_zero() && other == promised);
  }
};

class BackupBase {
 public:
  struct Wishes {
    ByteCount device_size;
    const Passport& passport;
    std::optional<BlockSize> block_size;  // Else the base's, else 64 KiB.
    std::optional<RememberedPoint> remembered;
  };
  BackupBase(RunBase base, const Wishes& wishes, const SourceKey& key, const Members& members,
             PageSource& pages, Observer& observer);
  BackupBase(const BackupBase&) = delete;
  BackupBase& operator=(const BackupBase&) = delete;

  // The blocks of the run.
  const BlockGrid& grid() const { return grid_; }
  // Nothing of what points need is missing in the repository: what the base has need not be asked
  // for.
  bool has_all_it_names() const { return counts_ && repository_whole_; }
  // Whether the base can be compared with at this block.
  bool covers(BlockIndex block) const;
  // What the base has at this block; zero where there is no base. A base whose map cannot be read
  // there must not stop a backup: its blocks count as changed.
  Result<Fingerprint> at(BlockIndex block);
  // Every block of `run`, which lies in one segment, is zero in the base; no when that is unknown.
  bool is_zero(BlockRun run);

  // The base, as a change source may compare with it; mismatch, in words, when something about it
  // does not hold, so that only reading everything makes the new point right.
  Result<BasePoint> comparable() const;
  // What was said of changes when the base was made. The blocks around what could not be read then.
  const ChangeProof& proof() const { return about_->changes; }
  const std::vector<ByteRun>& unreadable() const { return about_->unreadable; }
  std::uint64_t zero_blocks() const { return latest_->point.counts.zero.value(); }
  // How many of its zero blocks, at most, were free and not read; none where that is not known.
  BlockCount left_out() const { return counts_ && about_ ? about_->left_out : BlockCount(); }
  // Some of its map could not be read.
  bool is_damaged() const { return is_damaged_; }

  // Of the point that is being made.
  std::uint64_t next_sequence() const { return latest_name_ ? latest_name_->sequence + 1 : 1; }
  PointId predecessor() const { return latest_name_ ? latest_name_->id : PointId{}; }
  bool is_first_of_volume() const { return !latest_name_.has_value(); }

  // For the map that is being made; null when there is nothing to begin with.
  MapReader* map() { return for_map_.get(); }
  PageSource& pages() { return cached_ ? static_cast<PageSource&>(*cached_) : pages_; }

 private:
  void compare_with_memory(const RememberedPoint& remembered);
  BlockSize choose_block_size(const Wishes& wishes, const Members& members);
  void tell_what_changed(const Wishes& wishes, const SourceKey& key);
  // Why a change source may not compare with the base; empty when it may.
  std::string why_not_comparable(const Wishes& wishes) const;

  PageSource& pages_;
  Observer& observer_;
  std::optional<layout::PointName> latest_name_;
  std::optional<SignedPoint> latest_;  // Absent too when its file is damaged.
  bool repository_whole_;
  bool counts_ = false;  // The latest point's map can be compared with.
  bool is_damaged_ = false;
  std::optional<PointAbout> about_;
  std::string why_not_comparable_;
  BlockGrid grid_;
  std::unique_ptr<CachedPages> cached_;
  std::unique_ptr<MapReader> for_reading_;
  std::unique_ptr<MapReader> for_map_;
};

}  // namespace ebb
