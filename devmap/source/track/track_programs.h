// SPDX-License-Identifier: Apache-2.0
// track_programs.h - loads the tracker's programs into the kernel and looks after their links.
//
// The one file that knows libbpf's skeleton of track.bpf.c. A program stays attached as long as its
// link is pinned; what the kernel cannot load is refused with what the verifier said.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "devmap/core/result.h"
#include "devmap/geometry.h"
#include "devmap/source/track/tracked_device.h"

namespace ebb {

// Loads the programs for `device`, makes their maps, attaches them, and pins all of it in `folder`.
// `prepare` is called between, when the maps are there and nothing is attached yet.
Result<void> attach_track_programs(const TrackedDevice& device, BlockSize block,
                                   const std::string& folder,
                                   const std::function<Result<void>()>& prepare);

// Runs that the kernel left out, because an interrupt came while the same program was running on
// that processor.
struct MissedRuns {
  std::uint64_t begins = 0;  // Of writes: each may be a mark that is missing.
  std::uint64_t ends = 0;
};
// Absent when one of the programs is not attached any more.
Result<MissedRuns> missed_runs(const std::string& folder);

}  // namespace ebb
