// SPDX-License-Identifier: Apache-2.0
// slice_files.h - a part of a file as a file, so that several packs can stand in one.
#pragma once

#include <optional>

#include "engine/file/files.h"

namespace ebb {

// `inner` from `begin` on, up to `end` where it is given. The inner file outlives the slice.
std::unique_ptr<File> slice_of(File& inner, ByteIndex begin, std::optional<ByteIndex> end);

// Files whose create() gives the part of `inner` from `begin` on; renaming and removing do nothing.
// For one writer of one pack at a time.
std::unique_ptr<Files> slice_for_writing(File& inner, ByteIndex begin);

// A folder in memory, to be read: the small objects of a difference file as if in a repository.
std::unique_ptr<Files> files_in_memory(std::vector<std::pair<std::string, ByteVector>> contents,
                                       Loop& loop);

}  // namespace ebb
