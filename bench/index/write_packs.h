// SPDX-License-Identifier: Apache-2.0
// write_packs.h - makes a repository large in records while it stays small in bytes.
//
// The engine's own writer publishes packs of made-up records. All is sound: chunks, parity, tables;
// and an index that was filled with the same records is the index of these packs. No point needs
// the records, as after points were deleted. The packs carry the data key of a pack that is there,
// so the repository must hold a backup. Nothing is opened but the folder, so the index is left as
// it is.
#pragma once

#include <string>

#include "devmap/core/result.h"

namespace ebb::bench {

// Goes on where the last call ended, for so many seconds.
Result<void> write_packs(const std::string& repository, std::uint64_t entries, double seconds);

}  // namespace ebb::bench
