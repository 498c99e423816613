// SPDX-License-Identifier: Apache-2.0
// minimum_age.h - how long every point of a repository stays at least, whatever anybody asks for.
//
// A small object in the repository; docs/format/objects.md is the reference. It may be set and
// raised. Nothing here lowers or removes it, and one that cannot be read lets nothing be removed.
#pragma once

#include <chrono>

#include "engine/repo/key_store.h"

namespace ebb {

struct MinimumAge {
  RepositoryId repository;
  std::chrono::seconds age{0};
  WallTime set;  // When; for people.
};
ByteVector pack_minimum_age(const MinimumAge& minimum);
Result<MinimumAge> unpack_minimum_age(Bytes body);

// A century: what is longer was mistyped, and could never be taken back.
inline constexpr std::chrono::seconds longest_minimum_age = std::chrono::hours(24 * 36525);

// Zero when none was ever set.
Result<std::chrono::seconds> read_minimum_age(ObjectStore& objects, const RepositoryId& repository);
// Durable when it returns. Denied when it is shorter than what is set. The repository is open for
// writing.
Result<void> raise_minimum_age(ObjectStore& objects, const RepositoryId& repository,
                               std::chrono::seconds age, WallTime now);

}  // namespace ebb
