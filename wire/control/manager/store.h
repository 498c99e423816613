// SPDX-License-Identifier: Apache-2.0
// store.h - a manager's folder: its authority, its ticket key, its database.
//
//   authority.pem   the authority's certificate      manager.db     SQLite; tables.cc
//   authority.key   its key, mode 0600               ticket.key     Ed25519 seed, mode 0600
//                                                    recovery.key   32 bytes, mode 0600
//
// Made as a whole or not at all. Several processes may open it at once: a server, and commands
// beside it. Who loses it and has the recovery key on paper makes it again of the copy that any
// storage agent keeps (state_copy.h); who has neither enrolls every host anew.
#pragma once

#include "wire/control/manager/jobs.h"
#include "wire/control/manager/state_copy.h"

namespace ebb::control {

class Store {
 public:
  // `address` is where hosts reach the manager's enrolment port; tokens carry it. `invalid` when
  // there is something in the folder already.
  static Result<void> make(const std::string& folder, const Address& address, WallTime now,
                           Random& random);
  // Of a copy; what has changed since it was made is lost. `address` in place of the one in it.
  // `mismatch` when the key does not open it, `invalid` as make(). Its policies are unconfirmed
  // (policies.h).
  struct Rebuilt {
    WallTime last_entry;               // Of the audit log.
    std::optional<Error> log_trouble;  // That log does not hold together.
  };
  static Result<Rebuilt> rebuild(const std::string& folder, Bytes copy, const RecoveryKey& key,
                                 const std::optional<Address>& address, WallTime now);
  // `absent` when it is none. Makes a recovery key where an older ebb-manager made none.
  static Result<std::unique_ptr<Store>> open(const std::string& folder);

  AuditLog& audit() { return audit_; }
  Hosts& hosts() { return hosts_; }
  Policies& policies() { return policies_; }
  Catalog& catalog() { return catalog_; }
  Jobs& jobs() { return jobs_; }
  Database& database() { return *database_; }

  const CertificateAuthority& authority() const { return authority_; }
  const TicketSigningKey& ticket_key() const { return ticket_key_; }
  const CertificateDigest& authority_digest() const { return authority_digest_; }
  const Address& address() const { return address_; }
  const RecoveryKey& recovery_key() const { return recovery_key_; }
  // All that rebuild() needs, sealed; the same bytes as long as nothing of it has changed.
  Result<ByteVector> copy() const;

 private:
  struct Keys;
  static Result<Keys> read_keys(const std::string& folder);
  static Result<void> make_recovery_key(const std::string& folder);
  Store(std::string folder, std::unique_ptr<Database> database, Keys keys, Address address);

  std::string folder_;
  std::unique_ptr<Database> database_;
  CertificateAuthority authority_;
  CertificateDigest authority_digest_;
  TicketSigningKey ticket_key_;
  RecoveryKey recovery_key_;
  Address address_;
  AuditLog audit_;
  Hosts hosts_;
  Policies policies_;
  Catalog catalog_;
  Jobs jobs_;
};

}  // namespace ebb::control
