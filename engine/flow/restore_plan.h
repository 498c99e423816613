// SPDX-License-Identifier: Apache-2.0
// restore_plan.h - may this point go onto that target? Reads only.
//
// The verdict is a list of findings. One that refuses names the option that overrides it, if one
// may; without it, nothing is written. What the target is and who uses it comes from the caller
// (devmap probes it); whether the repository has all that is needed, from verify_records().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "devmap/occupation.h"
#include "engine/flow/damage.h"
#include "engine/repo/point.h"

namespace ebb {

enum class Severity {
  info,     // Good to know.
  warns,    // Goes on, but a person should read it.
  refuses,  // Nothing is written.
};
std::string_view name_of(Severity severity);

struct Finding {
  std::string id;  // Stable, for programs: "target-too-small".
  Severity severity = Severity::info;
  std::string text;
  std::string overridden_by;  // The option that turns a refusal into a warning; empty: none.
};

struct RestoreTarget {
  Passport passport;
  Occupation occupation;
  bool is_new = false;            // A file that the restore makes.
  bool holds_repository = false;  // The repository lies on it.
};

struct RestoreWishes {
  std::string expect_serial;
  std::string expect_wwn;
  bool onto_source = false;  // The source itself may be overwritten.
  bool ignore_sector_size = false;
  bool salvage = false;  // Go on without what is lost.
  bool in_place = false;
};

struct RestorePlan {
  std::vector<Finding> findings;
  bool moves_gpt = false;       // The target has another size and the point a GPT.
  std::vector<Damage> damages;  // What of the point cannot be restored.

  bool refused() const;
};

// What can be said without reading the records.
RestorePlan plan_restore(const Point& point, const PointAbout& about, const RestoreTarget& target,
                         const RestoreWishes& wishes);
// Adds what proving the records found.
void add_damages(RestorePlan& plan, std::vector<Damage> damages, const RestoreWishes& wishes);

// The blocks that a restore writes last, for with them the target looks whole: those under
// partition tables and boot sectors. Ascending, apart.
std::vector<BlockRun> late_blocks(const PointAbout& about, const BlockGrid& grid);

// The end of what must fit on the target: the last partition's, or the whole size without a table.
ByteIndex end_of_data(const Point& point, const PointAbout& about);

}  // namespace ebb
