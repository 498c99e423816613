// SPDX-License-Identifier: Apache-2.0
// dm_snapshot_cow.h - which chunks of its origin a thick LVM snapshot has saved, from the table
// that the kernel keeps on the snapshot's COW device.
//
// Format: Linux, drivers/md/dm-snap-persistent.c. Chunk 0 is the header. Then areas follow, each
// one chunk of entries (E = chunk bytes / 16) and the E chunks of data that they speak of. An entry
// names a chunk of the origin and the chunk that its old content was saved to; an entry that was
// saved to chunk 0 ends the table. An area that was filled has a next one, zeroed before its last
// entry was written, so a table without an end is damaged.
//
// A chunk is in the table before the origin changes, so every change that was made until the table
// is read is in it, and chunks that were rewritten with what they held are too: a superset.
// Knows bytes only; who the COW device is, is found out in thick_snapshot.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "devmap/byte_source.h"
#include "devmap/core/endian.h"
#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

struct CowHeaderOnDisk {
  Le32 magic;
  Le32 valid;  // 0 once the snapshot overflowed or failed; it never becomes 1 again.
  Le32 version;
  Le32 chunk_sectors;  // Of 512 bytes.
};
static_assert(sizeof(CowHeaderOnDisk) == 16);

struct CowEntryOnDisk {
  Le64 origin_chunk;
  Le64 saved_chunk;
};
static_assert(sizeof(CowEntryOnDisk) == 16);

inline constexpr std::uint32_t cow_magic = 0x70416e53;  // "SnAp"
inline constexpr std::uint32_t cow_version = 1;

// What the header says, of a store that can be used.
struct CowHeader {
  ByteCount chunk;  // A power of two.

  // `bytes` is where the COW device begins. Refuses a store that overflowed as lost, one of another
  // version as invalid, anything else that is not right as damaged.
  static Result<CowHeader> unpack(Bytes bytes);
};

// Walks the table once, in its order, in constant memory. After a refusal what was found before is
// not all there is: nothing of it can be used.
class DmSnapshotCow {
 public:
  // `origin` is the size of what the snapshot is of. `cow` outlives the walk.
  static Result<DmSnapshotCow> open(ByteSource& cow, ByteCount origin);

  // The precision of what next() says.
  ByteCount chunk() const { return header_.chunk; }
  // Where the origin changed next: entries that follow each other on both are one run. A run is
  // clipped to the origin's end. None at the end of the table.
  Result<std::optional<ByteRun>> next();

 private:
  DmSnapshotCow(ByteSource& cow, ByteCount origin, CowHeader header);
  Result<void> fetch();
  // The next entry's chunk of the origin; none at the end.
  Result<std::optional<std::uint64_t>> next_chunk();

  ByteSource* cow_;
  ByteCount origin_;
  CowHeader header_;
  std::uint64_t origin_chunks_;
  std::uint64_t cow_chunks_;  // Whole ones.
  std::uint64_t entries_in_area_;

  std::uint64_t taken_ = 0;  // Entries that were taken.
  bool ended_ = false;
  std::vector<CowEntryOnDisk> fetched_;  // A part of one area.
  std::size_t in_fetched_ = 0;
  std::optional<std::uint64_t> waiting_;  // A chunk that did not fit the run before it.
};

}  // namespace ebb
