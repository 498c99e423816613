// SPDX-License-Identifier: Apache-2.0
// tls.h - kj-tls, set up as every connection between hosts is: TLS 1.3, our own authority only.
//
// kj-tls 0.9.2 can ask for TLS 1.2 at the least. The rest is a policy of the whole process that
// OpenSSL applies to each new context (require_tls_1_3), which every function here puts in force
// before it makes one. No session is resumed, so each connection shows its certificate anew.
//
// What is verified: the chain up to the one authority, times, purposes (client or server), and, by
// a client, the server's name. What is not: whether a certificate was revoked. Whoever accepts a
// holder asks that of the manager's list.
#pragma once

#include <kj/compat/tls.h>

#include <string>

#include "devmap/core/result.h"
#include "wire/link/holder.h"
#include "wire/link/private_key.h"

namespace ebb {

// A handshake that takes longer is given up.
inline constexpr int tls_handshake_seconds = 10;

struct TlsIdentity {
  const PrivateKey& key;
  const std::string& certificate;  // PEM
};

// Both sides show a certificate of `authority` (PEM). For servers and for clients.
Result<kj::Own<kj::TlsContext>> mutual_tls(const TlsIdentity& identity,
                                           const std::string& authority, kj::Timer& timer);

// Only the server shows one: for enrolment, where the client has none yet.
Result<kj::Own<kj::TlsContext>> server_only_tls(const TlsIdentity& identity, kj::Timer& timer);
Result<kj::Own<kj::TlsContext>> anonymous_client_tls(const std::string& authority,
                                                     kj::Timer& timer);

// Who is at the other end. `denied` when it showed no certificate, or one that ebb did not issue.
Result<HolderId> holder_of(kj::PeerIdentity& peer);

// OpenSSL's policy for this process: TLS 1.3 only, no resumption of sessions. Twice is as once.
void require_tls_1_3();

}  // namespace ebb
