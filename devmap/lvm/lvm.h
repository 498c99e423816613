// SPDX-License-Identifier: Apache-2.0
// lvm.h - what ebb asks of LVM: its report, and a few commands about snapshots.
//
// The program `lvm` does it (package lvm2), because it alone may change a group's metadata. Such a
// command is never killed, not even with ebb: it suspends the origin for a moment, and whoever
// killed it there would leave that suspended. Needs root.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "devmap/lvm/logical_volume.h"

namespace ebb {

class Lvm {
 public:
  virtual ~Lvm() = default;

  virtual Result<std::vector<LogicalVolume>> volumes() = 0;
  // Read-only snapshots, active, with tags. A thick one has room for changes of `room` bytes, which
  // LVM rounds up to extents.
  virtual Result<void> take_thick(const LogicalVolume& origin, const std::string& name,
                                  const std::vector<std::string>& tags, ByteCount room) = 0;
  virtual Result<void> take_thin(const LogicalVolume& origin, const std::string& name,
                                 const std::vector<std::string>& tags) = 0;
  // More room for the changes of a thick one. Full when the group has none.
  virtual Result<void> extend(const std::string& full_name, ByteCount more) = 0;
  virtual Result<void> add_tag(const std::string& full_name, const std::string& tag) = 0;
  virtual Result<void> activate(const std::string& full_name) = 0;
  virtual Result<void> remove(const std::string& full_name) = 0;
};

// The system's.
Lvm& system_lvm();

// The volume whose device `path` is (/dev/vg0/data, /dev/mapper/vg0-data, /dev/dm-3); nothing when
// that is no logical volume.
Result<std::optional<LogicalVolume>> logical_volume_at(const std::string& path, Lvm& lvm);

}  // namespace ebb
