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
#include "wire/control/ticket.h"

namespace ebb {

struct Permission {
  std::string peer;  // For messages and the log.
  Verbs verbs;
  // Only these volumes; nothing: all.
  std::optional<std::set<VolumeId>> volumes;
  // What it follows from, when that ends and how fast it lets content go; nothing over a socket.
  std::optional<TicketId> ticket = {};
  std::optional<WallTime> until = {};
  std::uint64_t bytes_per_second = 0;  // 0: no bound.

  // Denied, in words, when it is not allowed.
  Result<void> allows(Verb verb) const;
  Result<void> allows(Verb verb, const VolumeId& volume) const;
  // Of small objects by their names in the repository.
  Result<void> allows_reading(std::string_view name) const;
  Result<void> allows_listing(std::string_view folder) const;
  Result<void> allows_changing(std::string_view name) const;
  Result<void> allows_making_folder(std::string_view name) const;
};

// Whether it is a path inside a repository: parts of A-Z a-z 0-9 . _ - joined by '/', none of them
// "." or "..", at most 255 bytes.
bool is_object_name(std::string_view name);

}  // namespace ebb
