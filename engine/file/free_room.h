// SPDX-License-Identifier: Apache-2.0
// free_room.h - how much room a file system has left, and how much shall be left on it.
//
// A repository whose disk is full can keep nothing, and removing takes a little room, too: so
// whoever keeps it stops taking in before nothing is left.
#pragma once

#include <string>

#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

struct FreeRoom {
  ByteCount free;  // For whoever asks: what is reserved for others is not.
  ByteCount size;
};
// Of the file system that `path` lies on.
Result<FreeRoom> free_room(const std::string& path);

// Both hold: the larger counts.
struct RoomToLeave {
  ByteCount bytes = 1_GiB;
  unsigned percent = 2;  // Of the file system.

  ByteCount of(ByteCount size) const;
};

}  // namespace ebb
