// SPDX-License-Identifier: Apache-2.0
// target.h - what commands that write to a device need to say about it.
#pragma once

#include <string>

#include "devmap/core/result.h"
#include "devmap/passport.h"

namespace ebb {

// Mismatch unless the path still leads to the device that was planned for: between plan and write
// hours may pass, and device names move. Call it when the device is open.
Result<void> still_the_same(const std::string& path, const Passport& planned);

// A new image file of that size, all of it a hole; invalid when there is a file.
Result<void> make_image(const std::string& path, ByteCount size);

// A text of which target it is, for the journal: its path, size, and what a device is.
std::string target_identity(const std::string& path, const Passport& target);

// Where the journal of a restore to this target lies when nobody says otherwise.
std::string restore_journal_path(const Passport& target);

// The path from the root, as far as it can be told.
std::string absolute_path(const std::string& path);

}  // namespace ebb
