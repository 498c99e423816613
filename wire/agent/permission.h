// SPDX-License-Identifier: Apache-2.0
// permission.h - what a peer may do with one repository.
//
// On a unix socket it follows from who the kernel says is there, over TLS from the peer's ticket.
// The agent asks here before it does anything for a peer; nothing else decides.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "engine/repo/ids.h"

namespace ebb {

// The bits of a ticket (docs/format/ticket.md).
enum class Verb : std::uint32_t {
  add = 1,         // Open runs and commit points.
  read = 2,        // Points, pages, records.
  keys = 4,        // Keyrings and their slots, which a passphrase opens.
  administer = 8,  // Make the repository, publish and remove keys and members.
};

struct Permission {
  std::string peer;         // For messages and the log.
  std::uint32_t verbs = 0;  // Bits of Verb.
  // Only these volumes; nothing: all.
  std::optional<std::set<VolumeId>> volumes;

  // Denied, in words, when it is not allowed.
  Result<void> allows(Verb verb) const;
  Result<void> allows(Verb verb, const VolumeId& volume) const;
  // Of small objects by their names in the repository.
  Result<void> allows_reading(std::string_view name) const;
  Result<void> allows_listing(std::string_view folder) const;
  Result<void> allows_changing(std::string_view name) const;
  Result<void> allows_making_folder(std::string_view name) const;
};

std::string_view name_of(Verb verb);

// Whether it is a path inside a repository: parts of A-Z a-z 0-9 . _ - joined by '/', none of them
// "." or "..", at most 255 bytes.
bool is_object_name(std::string_view name);

}  // namespace ebb
