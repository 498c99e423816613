// SPDX-License-Identifier: Apache-2.0
// store.h - a manager's folder: its authority, its ticket key, its database.
//
//   authority.pem   the authority's certificate      manager.db   SQLite; tables.cc
//   authority.key   its key, mode 0600               ticket.key   Ed25519 seed, mode 0600
//
// Made as a whole or not at all. Several processes may open it at once: a server, and commands
// beside it. Losing manager.db loses who belongs to the manager, and policies; the catalog is told
// again by storage agents. Losing the keys means enrolling every host anew.
#pragma once

#include "wire/control/manager/jobs.h"

namespace ebb::control {

class Store {
 public:
  // `address` is where hosts reach the manager's enrolment port; tokens carry it. `invalid` when
  // there is something in the folder already.
  static Result<void> make(const std::string& folder, const Address& address, WallTime now,
                           Random& random);
  // `absent` when it is none.
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

 private:
  Store(std::unique_ptr<Database> database, CertificateAuthority authority,
        CertificateDigest digest, TicketSigningKey ticket_key, Address address);

  std::unique_ptr<Database> database_;
  CertificateAuthority authority_;
  CertificateDigest authority_digest_;
  TicketSigningKey ticket_key_;
  Address address_;
  AuditLog audit_;
  Hosts hosts_;
  Policies policies_;
  Catalog catalog_;
  Jobs jobs_;
};

}  // namespace ebb::control
