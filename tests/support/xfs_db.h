// SPDX-License-Identifier: Apache-2.0
// xfs_db.h - what xfs_db says of the free space of an XFS.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "devmap/core/units.h"

namespace ebb::test {

struct XfsDbSays {
  std::uint64_t block = 0;            // In bytes.
  std::vector<std::uint64_t> levels;  // Of the tree of each group.
  std::vector<ByteRun> free;          // In their order.
};

// A test that uses it needs the program, and fails here when it refuses.
XfsDbSays ask_xfs_db(const std::string& image);

}  // namespace ebb::test
