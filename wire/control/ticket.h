// SPDX-License-Identifier: Apache-2.0
// ticket.h - a signed, expiring permission: who may do what with which volumes of a repository.
//
// The manager signs it, its holder shows it to a storage agent, and the storage agent checks it
// without asking anybody. It is worth nothing to anyone but its holder, whose TLS certificate has
// to be the one that it names. docs/format/ticket.md is the reference.
//
// Knows no network and no database, so that storage agents and user agents can link it alone.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "devmap/core/random.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"
#include "wire/link/holder.h"

namespace ebb {

using TicketId = Name<16, struct TicketIdTag>;
using TicketSigningKey = Secret<32, struct TicketSigningKeyTag>;  // An Ed25519 seed.
using TicketVerifyKey = Name<32, struct TicketVerifyKeyTag>;
// As the engine names volumes; the wire does not know how they are made.
using TicketVolume = std::array<std::byte, 16>;

enum class Verb : std::uint32_t {
  add = 1,         // Open runs, ship, commit points.
  read = 2,        // Points, pages, records.
  keys = 4,        // Read the small objects that open content for who has a passphrase.
  administer = 8,  // Create the repository; publish and remove keys and members.
  scrub = 16,
  prune = 32,  // Reserved: nothing grants it, only a storage agent's own policy deletes.
};
std::string_view name_of(Verb verb);

class Verbs {
 public:
  constexpr Verbs() = default;
  constexpr Verbs(std::initializer_list<Verb> verbs) {
    for (const Verb verb : verbs) bits_ |= static_cast<std::uint32_t>(verb);
  }
  // Nothing when there are bits that no verb has.
  static std::optional<Verbs> of_bits(std::uint32_t bits);
  constexpr std::uint32_t bits() const { return bits_; }
  constexpr bool has(Verb verb) const { return (bits_ & static_cast<std::uint32_t>(verb)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const Verbs&) const = default;
  std::string text() const;  // "add, read"

 private:
  std::uint32_t bits_ = 0;
};

// "add,read" and the like, as options say it.
Result<Verbs> parse_verbs(std::string_view text);

struct Ticket {
  TicketId id;
  HolderId holder;
  HolderId storage;        // The storage agent that it is for.
  std::string repository;  // Its name at that storage agent.
  Verbs verbs;
  bool all_volumes = false;           // Of operators; `volumes` is empty then.
  std::vector<TicketVolume> volumes;  // At most max_ticket_volumes.
  WallTime not_before;
  WallTime not_after;
  std::uint64_t bytes_per_second = 0;  // 0: no bound.
  bool operator==(const Ticket&) const = default;
};

inline constexpr std::size_t max_ticket_volumes = 256;
inline constexpr std::size_t max_repository_name = 64;
// How far apart the clocks of a manager and a storage agent may be.
inline constexpr std::int64_t ticket_clock_skew_seconds = 5 * 60;

// 1 to 64 of a-z, 0-9, '.', '_' and '-', not beginning with '.'.
bool is_repository_name(std::string_view name);

TicketSigningKey make_ticket_signing_key(Random& random);
TicketVerifyKey ticket_verify_key(const TicketSigningKey& key);

// The ticket must be one that open_ticket takes (a check, not a refusal).
ByteVector sign_ticket(const Ticket& ticket, const TicketSigningKey& key);

// `invalid` when the bytes are no ticket, `mismatch` when a newer manager made it, `denied` when
// the signature is not the manager's.
Result<Ticket> open_ticket(Bytes bytes, const TicketVerifyKey& key);

// Whether it is this peer's, for this repository of this storage agent, and valid now. `denied`
// when not.
Result<void> check_ticket(const Ticket& ticket, const HolderId& peer, std::string_view repository,
                          const HolderId& storage, WallTime now);

// Whether what ends at `not_after` has ended, with the tolerance for clocks that differ.
bool has_expired(WallTime not_after, WallTime now);

// Whether it allows `verb`, and, unless that is null, on this volume. `denied` when not.
Result<void> permits(const Ticket& ticket, Verb verb, const TicketVolume* volume);

}  // namespace ebb
