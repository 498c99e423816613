// SPDX-License-Identifier: Apache-2.0
// fetch_authority.h - the manager's authority, known by its digest alone.
//
// The first connection of a host that is being enrolled: it has no certificate to compare with,
// only the digest in its token, and kj-tls connects to nobody that it cannot verify. So this one
// handshake is OpenSSL's own; nothing is said in it, and it ends once the authority's certificate
// was shown.
#pragma once

#include "wire/control/token.h"

namespace ebb::control {

// PEM. `denied` when the server shows no certificate of this digest, `lost` when it cannot be
// reached within ten seconds.
Result<std::string> fetch_authority(const Address& address, const CertificateDigest& digest);

}  // namespace ebb::control
