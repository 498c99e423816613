// SPDX-License-Identifier: Apache-2.0
// thick_snapshot.h - the COW device of a thick LVM snapshot, found and opened for DmSnapshotCow.
//
// The kernel writes the table beneath the page cache of the COW device's node, which nothing tells
// that its pages are stale: a page that anybody read before still says what the table was then, so
// a buffered reader misses changes. The COW device is therefore opened with O_DIRECT.
//
// What the table says is only of use when it is read after the next snapshot was taken: changes
// that are made meanwhile may or may not be in it.
#pragma once

#include <memory>
#include <string>

#include "devmap/core/unique_fd.h"
#include "devmap/device_mapper.h"
#include "devmap/source/dm_snapshot_cow.h"

namespace ebb {

// What the device mapper says of a snapshot that can be read.
struct ThickSnapshotPlace {
  dev_t origin = 0;
  dev_t cow = 0;
  ByteCount chunk;
  ByteCount size;  // Of the origin when the snapshot was taken.

  // Room in which every chunk of the origin can be saved, with the table: no more is ever used.
  std::uint64_t most_sectors() const;

  // Of the table and the status of the same device. Refuses one that overflowed or failed as lost,
  // one that is being merged into its origin as busy, one that a crash would lose as invalid, and
  // what is no snapshot as mismatch.
  static Result<ThickSnapshotPlace> of(const MapperDevice& table, const MapperDevice& status);
};

class ThickSnapshot {
 public:
  // `path` is the snapshot's own device (/dev/vg0/snap).
  static Result<std::unique_ptr<ThickSnapshot>> open(const std::string& path, DeviceMapper& mapper);

  ThickSnapshot(const ThickSnapshot&) = delete;
  ThickSnapshot& operator=(const ThickSnapshot&) = delete;

  const ThickSnapshotPlace& place() const { return place_; }
  // Where the origin changed since the snapshot was taken. Looks once more whether the snapshot is
  // still valid at the end, because it may overflow during the walk.
  Result<std::optional<ByteRun>> next();

 private:
  ThickSnapshot(dev_t snapshot, DeviceMapper& mapper, const ThickSnapshotPlace& place, UniqueFd fd,
                FdSource source);
  dev_t snapshot_;
  DeviceMapper& mapper_;
  ThickSnapshotPlace place_;
  UniqueFd fd_;
  FdSource source_;
  std::optional<DmSnapshotCow> table_;
};

}  // namespace ebb
