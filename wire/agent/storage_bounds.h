// SPDX-License-Identifier: Apache-2.0
// storage_bounds.h - what a storage agent allows at once, and the memory that follows from it.
#pragma once

#include "engine/file/free_room.h"
#include "engine/repo/pack_writer.h"

namespace ebb {

struct StorageBounds {
  unsigned runs = 16;          // Backups at once; more wait.
  unsigned connections = 128;  // More are turned away.
  unsigned fetches = 16;       // Reads of packs at once.
  unsigned chores = 1;         // Collections and scrubs at once, over all repositories.
  RoomToLeave room_to_leave;   // With less on the disk no backup begins.

  constexpr ByteCount memory() const { return PackMemory::for_runs(runs).total(); }
};

}  // namespace ebb
