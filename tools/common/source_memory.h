// SPDX-License-Identifier: Apache-2.0
// source_memory.h - what a source remembers of a repository between runs: the newest members epoch
// and the last point of each volume. It holds no secret; a repository that was put back to an
// earlier state, or whose points were removed, is noticed by it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "engine/flow/backup.h"

namespace ebb {

struct SourceMemory {
  std::uint64_t members_epoch = 0;
  std::map<VolumeId, RememberedPoint> volumes;
  // Change sources that called clean what was not.
  std::map<VolumeId, SourceKind> distrusted;
};

// A missing or unreadable file is an empty memory: it protects, it must not stop backups.
SourceMemory read_source_memory(const std::string& path);
// Changes what is there now, and replaces the file as a whole, durably: a machine that goes down
// after a backup must know it, or the next one has nothing to compare with. Runs of several volumes
// end at the same time: each waits for the other (a lock on the folder).
Result<void> change_source_memory(const std::string& path,
                                  const std::function<void(SourceMemory&)>& change);

}  // namespace ebb
