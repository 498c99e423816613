// SPDX-License-Identifier: Apache-2.0
// source_key.h - what a source host holds: enough to back up, nothing that opens a backup.
//
// The id key (to fingerprint), its own signing seed, and the authority's public key, by which it
// knows genuine recipients. Kept in a file of mode 0600, framed like every small object.
#pragma once

#include <string>

#include "engine/repo/keyring.h"

namespace ebb {

struct SourceKey {
  RepositoryId repository;
  VerifyKey authority;
  IdKey id_key;
  SigningSeed signing_seed;
  std::string name;  // Of the host, as the members record has it.
};

ByteVector pack_source_key(const SourceKey& key);
Result<SourceKey> unpack_source_key(Bytes body);

// Writes a new file of mode 0600, whole or not at all; refuses to overwrite. Missing folders are
// made, mode 0700.
Result<void> write_source_key(const std::string& path, const SourceKey& key);
// Denied when others than its owner may read the file.
Result<SourceKey> read_source_key(const std::string& path);

}  // namespace ebb
