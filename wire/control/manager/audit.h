// SPDX-License-Identifier: Apache-2.0
// audit.h - who did what, in a chain: each entry names the digest of the one before.
//
// Altering, dropping or putting in an entry is found by verify(), except at the end: who can write
// the database can drop the newest entries, or write all of it anew. So keep the newest digest
// somewhere else from time to time, and give it to verify().
#pragma once

#include <functional>

#include "wire/control/manager/database.h"

namespace ebb::control {

using AuditDigest = Name<32, struct AuditDigestTag>;

struct AuditEntry {
  std::uint64_t number = 0;  // From 1.
  WallTime at;
  std::string actor;    // A host's name, or "manager" for who works on its machine.
  std::string action;   // "enrolled", "revoked", ...
  std::string subject;  // What it was done to.
  std::string detail;
  AuditDigest former;  // Zero for the first.
  AuditDigest digest;
};

// SHA-256 of everything else in the entry, lengths before texts.
AuditDigest digest_of(const AuditEntry& entry);

class AuditLog {
 public:
  explicit AuditLog(Database& database) : database_(database) {}

  // In the caller's transaction, so that nothing is done without its entry.
  Result<void> append(WallTime at, std::string_view actor, std::string_view action,
                      std::string_view subject, std::string_view detail);
  Result<void> each(const std::function<void(const AuditEntry&)>& visit);

  struct Verified {
    std::uint64_t entries = 0;
    AuditDigest newest;  // Zero when there are none.
  };
  // `damaged`, naming the first entry that does not fit. With `seen`, an entry must have that
  // digest.
  Result<Verified> verify(const std::optional<AuditDigest>& seen = std::nullopt);

 private:
  Database& database_;
};

}  // namespace ebb::control
