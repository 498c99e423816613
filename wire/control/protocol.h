// SPDX-License-Identifier: Apache-2.0
// protocol.h - versions, ports and bounds of wire/schema/control.capnp.
//
// Both sides hold these bounds: who sends stays below them, who receives refuses what is above
// before anything is allocated for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/control/ticket.h"

namespace ebb::control {

inline constexpr std::uint32_t oldest_protocol = 1;
inline constexpr std::uint32_t newest_protocol = 1;

inline constexpr std::uint16_t control_port = 8440;
inline constexpr std::uint16_t enrolment_port = 8441;
// The name in the manager's own certificate, by whatever name or address it is dialled. Nobody
// else is issued it.
inline constexpr const char* manager_server_name = "ebb-manager";

// In both directions: Cap'n Proto sends nothing that is larger than what it would take.
inline constexpr std::size_t max_message_bytes = 512 * 1024;
inline constexpr int max_message_depth = 16;
inline constexpr std::size_t max_text = 255;
inline constexpr std::size_t max_long_text = 4096;
inline constexpr std::size_t max_message_text = 2000;
inline constexpr std::size_t max_jobs = 128;
inline constexpr std::size_t max_points = 1000;
inline constexpr std::size_t max_policies = 256;
inline constexpr std::size_t max_runs = 256;
inline constexpr std::size_t max_patterns = 64;
inline constexpr std::size_t max_settings = 16;
inline constexpr std::size_t max_pattern_bytes = 1024;
inline constexpr std::size_t max_revocations = 2048;
inline constexpr std::size_t max_repositories = 1024;
inline constexpr std::size_t max_repositories_of_agent = 256;
inline constexpr std::size_t max_kept_volumes = 4096;          // In one answer.
inline constexpr std::size_t max_policies_bytes = 384 * 1024;  // Texts of all policies together.

using ToldMark = Name<16, struct ToldMarkTag>;      // Of a telling of points.
using CopyDigest = Name<32, struct CopyDigestTag>;  // SHA-256 of a copy of a manager's state.
inline constexpr std::size_t max_copy_bytes = std::size_t{256} << 20;
inline constexpr std::size_t max_copy_part = std::size_t{256} << 10;

inline constexpr std::size_t max_ticket_bytes = 224 + 16 * max_ticket_volumes + 64;
// A word is eight bytes. The longest lists are far below a message's bound: points; a storage
// agent's orders; an operator's repositories.
static_assert(max_points * 200 < max_message_bytes);
static_assert(max_jobs * (max_message_text + 6 * max_text + 256) < max_message_bytes);
static_assert(max_repositories * 112 + max_revocations * 40 + max_kept_volumes * 56 <
              max_message_bytes);
static_assert(max_repositories * (40 + 72 + 72 + 32 + 264) < max_message_bytes);

// How long tickets are valid: for a source, so long backups go on while the manager is down.
inline constexpr std::int64_t source_ticket_seconds = 24 * 60 * 60;
inline constexpr std::int64_t operator_ticket_seconds = 60 * 60;
// How often storage agents ask for revocations and sources for orders.
inline constexpr int poll_seconds = 30;

// The version that both speak; `mismatch`, saying which side is the older, when there is none.
Result<std::uint32_t> agree_on_protocol(std::uint32_t peers_oldest, std::uint32_t peers_newest,
                                        std::string_view peer);

}  // namespace ebb::control
