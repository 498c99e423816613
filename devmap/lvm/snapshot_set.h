// SPDX-License-Identifier: Apache-2.0
// snapshot_set.h - snapshots of logical volumes, taken at one instant, and gone with their owner.
//
// A thick origin gets a thick snapshot, a volume of a pool a thin one. LVM itself freezes what is
// mounted while it takes one. Several are taken while all thick origins are held still
// (held_still.h); the one thin volume that may be among them is taken first, so what it shows was
// written before the others went on. Two thin volumes cannot be had at one instant: they must not
// be held while LVM works, and the kernels of today refuse to freeze a frozen file system again.
//
// Each has the tag "ebb" and its owner's. Of a killed owner what it left is found by them: the next
// set of that owner removes whatever was not yet a base. A base is what a recovery point's proof
// names; it outlives the set only when it is kept. Two sets of an owner never live at once.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "devmap/core/random.h"
#include "devmap/core/unique_fd.h"
#include "devmap/lvm/lvm.h"

namespace ebb {

class SnapshotSet {
 public:
  struct Wish {
    LogicalVolume origin;
    std::string owner;  // Letters, digits and dashes, at most 80.
    ByteCount room;     // For the changes of a thick one.
  };
  struct Member {
    LogicalVolume origin;
    std::string owner_tag;
    LogicalVolume snapshot;
  };

  // Why LVM takes no snapshot of it; empty when it does.
  static std::string why_not(const LogicalVolume& origin);

  // Invalid for what cannot be snapshotted, busy when a set of the same owner lives or the volumes
  // could not be held, full when the group has no room.
  static Result<std::unique_ptr<SnapshotSet>> take(const std::vector<Wish>& wishes,
                                                   std::chrono::milliseconds longest_hold, Lvm& lvm,
                                                   Random& random);
  SnapshotSet(const SnapshotSet&) = delete;
  SnapshotSet& operator=(const SnapshotSet&) = delete;
  // Removes what is not kept.
  ~SnapshotSet();

  std::size_t size() const { return members_.size(); }
  const Member& member(std::size_t i) const { return members_[i].value; }
  // Other snapshots of this member's owner: bases of earlier runs.
  Result<std::vector<LogicalVolume>> others(std::size_t i) const;
  // From now on it may be what a proof names, also if this process is killed.
  Result<void> make_base(std::size_t i);
  // It outlives the set.
  void keep(std::size_t i) { members_[i].kept = true; }
  // Now, with its reason.
  Result<void> remove(const LogicalVolume& other) { return lvm_.remove(other.full_name()); }

 private:
  struct Held {
    Member value;
    UniqueFd lock;
    bool taken = false;
    bool kept = false;
  };
  explicit SnapshotSet(Lvm& lvm) : lvm_(lvm) {}
  Result<void> take_all(const std::vector<Wish>& wishes, std::chrono::milliseconds longest_hold,
                        Random& random);
  Result<void> remove_leftovers();
  Result<void> take_one(Held& held, ByteCount room, Random& random);
  Result<void> find_taken();

  Lvm& lvm_;
  std::vector<Held> members_;
};

// What a person who looks at `lvs -o+tags` sees.
inline constexpr const char* snapshot_tag = "ebb";
inline constexpr const char* base_tag = "ebb.base";

}  // namespace ebb
