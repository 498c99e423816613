// SPDX-License-Identifier: Apache-2.0
// secret_file.h - small files of a party's identity: written durably, and refused when others can
// read what only the owner may.
#pragma once

#include <string>

#include "devmap/core/result.h"
#include "devmap/core/secret.h"

namespace ebb {

enum class Readers { owner, everybody };  // Mode 0600 or 0644.

// A new file, on disk when it returns (but for its entry in the folder: sync_entries). `invalid`
// when there is one by this name.
Result<void> write_new_file(const std::string& path, Bytes content, Readers readers);
// Makes entries of the folder survive a power loss.
Result<void> sync_entries(const std::string& folder);

// At most `most` bytes; `absent` when it is not there, `damaged` when it is larger or no file. With
// `owner`, `denied` when anybody else may read or write it.
Result<SecretBuffer> read_identity_file(const std::string& path, Readers readers,
                                        std::size_t most = 65536);

}  // namespace ebb
