// SPDX-License-Identifier: Apache-2.0
// private_file.h - small files of a host's state folder: whole or not at all, read by one user.
#pragma once

#include <string>

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"

namespace ebb {

// What a file is called until it is whole; a crash may leave one.
inline constexpr const char* unfinished_ending = ".new";

// Replaces the file (mode 0600): written beside it, synced, renamed, and the folder synced. A crash
// meanwhile leaves the old one or the new one, a later one the new one.
Result<void> write_privately(const std::string& path, Bytes bytes);
// Empty when it is not there or cannot be read.
std::string read_privately(const std::string& path);

}  // namespace ebb
