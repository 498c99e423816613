// SPDX-License-Identifier: Apache-2.0
// in_place.h - which blocks a restore onto a target that holds much of the point already must
// write.
//
// Reads the target once and compares fingerprints. It is part of the plan: only records of blocks
// that differ need to be proven before the first byte is written, and blocks that were found equal
// here are neither written nor read again.
#pragma once

#include "devmap/dirty_map.h"
#include "engine/flow/verify.h"

namespace ebb {

// The blocks of the point in which the target differs, cannot be read, or may differ because the
// point's map is damaged there; and the late blocks, which are blanked first. Blocks that lie past
// a smaller target's end are left out.
Result<DirtyMap> blocks_to_write_in_place(const VerifyWorld& world, const Point& point,
                                          const PointAbout& about, BlockDevice& target,
                                          const IdKey& id_key);

}  // namespace ebb
