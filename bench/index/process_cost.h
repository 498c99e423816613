// SPDX-License-Identifier: Apache-2.0
// process_cost.h - what this process has cost so far, as the kernel counts it.
#pragma once

#include <string>

#include "devmap/core/units.h"

namespace ebb::bench {

struct ProcessCost {
  double seconds = 0;      // Of a clock on the wall.
  double cpu_seconds = 0;  // User and system, all threads.
  ByteCount written;       // Handed to the file system.
  ByteCount anonymous;     // Resident memory of its own...
  ByteCount mapped;        // ...and pages of files that it has mapped.
  ByteCount unused;        // Held by malloc and used by nobody; part of the first.
  ByteCount peak;          // The most of both at any time.

  static ProcessCost now();
};

// "anonymous=41.0MiB unused=3.0MiB mapped=12.0MiB peak=60.0MiB"
std::string memory_text(const ProcessCost& cost);
std::string mib_text(ByteCount bytes);
// All files of a folder.
ByteCount size_on_disk(const std::string& folder);
// The kernel forgets what it holds of the folder's files; or reads them all.
void drop_from_cache(const std::string& folder);
void read_into_cache(const std::string& folder);

}  // namespace ebb::bench
