// SPDX-License-Identifier: Apache-2.0
// lvm_snapshot_source.h - the snapshot that a point was made from says what changed until the next.
//
// A point that was made from an LVM snapshot names it in its proof, by the uuids that LVM never
// gives twice, and the snapshot is kept. The next run takes a new snapshot first, and then asks the
// kept one: a thick one has an entry for each chunk that its origin changed since
// (thick_snapshot.h), two thin ones are compared by the pool's metadata (thin_delta.h). What is
// read is the new snapshot, so nothing changes meanwhile. The kept one goes when the new point is
// published.
//
// The proof holds across reboots and renaming. It does not when the kept snapshot is gone,
// overflowed, is being merged, or has another size than the volume has now.
#pragma once

#include <string>

#include "devmap/device_mapper.h"
#include "devmap/lvm/snapshot_set.h"
#include "devmap/source/change_source.h"

namespace ebb {

class LvmSnapshotSource final : public ChangeSource {
 public:
  struct World {
    SnapshotSet& snapshots;  // They were taken.
    Lvm& lvm;
    DeviceMapper& mapper;
    std::string notes;  // A folder that outlives reboots (metadata_hold.h).
  };
  // Of one member of the set.
  LvmSnapshotSource(World world, std::size_t member) : world_(std::move(world)), member_(member) {}

  SourceKind kind() const override;
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override;
  Result<bool> may_have_changed_meanwhile(ByteRun) override { return false; }
  Result<void> committed() override;

 private:
  // What the point's proof names; mismatch, in words, when it is not there any more.
  Result<LogicalVolume> base_of(const BasePoint& since) const;
  Result<DirtyMap> changed_since(const LogicalVolume& base, const BlockGrid& grid) const;
  // All earlier ones but this.
  Result<void> remove_before(const std::string& but_uuid);

  World world_;
  std::size_t member_;
  std::vector<LogicalVolume> before_;  // Bases of earlier runs that are still there.
};

}  // namespace ebb
