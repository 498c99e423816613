// SPDX-License-Identifier: Apache-2.0
// identity.h - what a host keeps of its enrolment, in the folder `identity` of its state folder.
//
//   key.pem           the host's key, mode 0600      authority.pem   the manager's authority
//   certificate.pem   the host's certificate         about.json      manager, name, role, ticket
//   key
//
// Written whole or not at all. The certificate is replaced when it is renewed.
#pragma once

#include "wire/control/role.h"
#include "wire/control/ticket.h"
#include "wire/control/token.h"
#include "wire/link/new_folder.h"
#include "wire/link/tls.h"

namespace ebb::control {

struct Identity {
  PrivateKey key = PrivateKey::make();
  std::string certificate;  // PEM
  std::string authority;    // PEM
  Address manager;          // With the control port.
  std::string name;
  Role role = Role::source;
  TicketVerifyKey ticket_key;

  HolderId holder() const { return key.holder(); }
  TlsIdentity tls() const { return {key, certificate}; }
};

// An identity that is being made: the folder and the key are there before the token is used up, so
// that a disk that is full or read-only costs no token.
class IdentityFolder {
 public:
  // `invalid` when the state folder has an identity already.
  static Result<IdentityFolder> begin(const std::string& state_folder, const PrivateKey& key);
  // Everything but the key, and then the folder's name.
  Result<void> publish(const Identity& identity);

 private:
  explicit IdentityFolder(NewFolder folder) : folder_(std::move(folder)) {}
  NewFolder folder_;
};

// `absent`, saying how to enroll, when there is none.
Result<Identity> read_identity(const std::string& state_folder);
// `mismatch` when the certificate is not one of the identity's key.
Result<void> replace_certificate(const std::string& state_folder, const Identity& identity,
                                 const std::string& certificate);

}  // namespace ebb::control
