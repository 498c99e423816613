// SPDX-License-Identifier: Apache-2.0
// logical_volume.h - a logical volume as LVM tells of it, and the one parser of what it tells.
//
// `lvs --reportformat json` (lvmreport(7)) prints every value as a string; report_columns names
// those that are asked for. A report that lacks one, or has a size that is none, is refused as
// damaged: half an answer about snapshots could remove the wrong one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

struct LogicalVolume {
  std::string group;
  std::string name;
  std::string uuid;                 // "7OEMeJ-NZFB-sce2-ybMf-b69P-xZEA-V3BsiY"
  std::string group_uuid;           // Likewise.
  std::vector<std::string> layout;  // "linear"; "thin" "sparse"; "thin" "pool"
  std::vector<std::string> role;    // "public" "snapshot" "thicksnapshot"
  std::string origin;               // Of a snapshot: the name of what it is of, in the same group.
  std::string pool;                 // Of a thin volume.
  std::vector<std::string> tags;
  std::string node;  // "/dev/mapper/vg0-data"; there while it is active.
  ByteCount size;    // Of a thick snapshot: of its room for changes.
  ByteCount group_free;
  ByteCount extent;
  bool active = false;

  std::string full_name() const { return group + "/" + name; }
  bool is_laid_out(std::string_view word) const;
  bool plays(std::string_view part) const;
  bool has_tag(std::string_view tag) const;
  // A volume in a pool, or a snapshot there.
  bool is_thin() const { return is_laid_out("thin") && !is_laid_out("pool"); }
};

// For `lvs -o`.
extern const char* const report_columns;

// All volumes of a report, in its order. Damaged for anything else.
Result<std::vector<LogicalVolume>> logical_volumes_in(std::string_view report);

}  // namespace ebb
