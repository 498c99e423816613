// SPDX-License-Identifier: Apache-2.0
// difference_import.h - puts point B of a difference file into a repository that has point A.
#pragma once

#include "devmap/core/interrupt.h"
#include "devmap/dirty_map.h"
#include "engine/flow/difference_file.h"
#include "engine/flow/extent_sink.h"
#include "engine/repo/repository.h"

namespace ebb {

struct ImportReport {
  bool was_there = false;
  BlockCount blocks;  // Added.
  ByteCount stored;
};

// `sink` ships into `repository`, which is open for writing. The caller checked B's signature and
// proved the blocks that `wanted` marks (difference_check.h); no others are taken. B is published
// only when every block and page of it is in the repository.
Result<ImportReport> import_difference(DifferenceFile& file, Repository& repository,
                                       ExtentSink& sink, const DirtyMap& wanted,
                                       const StopFlag& stop);

}  // namespace ebb
