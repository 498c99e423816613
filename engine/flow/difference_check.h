// SPDX-License-Identifier: Apache-2.0
// difference_check.h - does a difference file hold what it must, and does a target hold point A?
//
// Both before the first byte is written: a target that is neither A nor B anywhere is another disk,
// and a file that is damaged or was tampered with must not leave a target half-way.
#pragma once

#include "devmap/dirty_map.h"
#include "engine/flow/difference_file.h"
#include "engine/flow/verify.h"

namespace ebb {

// The blocks in which B differs from A, by the two maps in the file.
Result<DirtyMap> differing_blocks(DifferenceFile& file);

// Opens every block that `wanted` marks and compares its fingerprint. Damaged when one cannot be
// had.
Result<void> prove_blocks(DifferenceFile& file, const VerifyWorld& world, RecordOpener& opener,
                          const DirtyMap& wanted);

// The blocks in which the target is not B. Mismatch when one of them is not A either.
Result<DirtyMap> blocks_still_as_in_a(DifferenceFile& file, const VerifyWorld& world,
                                      BlockDevice& target, const IdKey& id_key);

}  // namespace ebb
