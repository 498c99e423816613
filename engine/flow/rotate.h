// SPDX-License-Identifier: Apache-2.0
// rotate.h - new keys for a repository, without moving content.
//
// The new recipient key and keyring are published before anything old is removed; a crash at any
// step leaves a repository that the passphrase opens, and another rotation finishes what was left.
#pragma once

#include "engine/flow/repository_access.h"

namespace ebb {

struct RotationReport {
  PaperKey paper;
  std::uint64_t data_keys = 0;
  std::uint64_t slots_dropped = 0;
};

Result<RotationReport> rotate_keys(RepositoryAccess& repository, const UnlockedKeyring& old,
                                   Bytes passphrase, WallTime now, const PassphraseCost& cost = {});

}  // namespace ebb
