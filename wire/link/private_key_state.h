// SPDX-License-Identifier: Apache-2.0
// private_key_state.h - what is in a PrivateKey. Only for the .cc files of wire/link/ that hand it
// to OpenSSL.
#pragma once

#include "wire/link/openssl.h"
#include "wire/link/private_key.h"

namespace ebb {

struct PrivateKey::State {
  ossl::Key key;
};

// The SHA-256 of the key's SubjectPublicKeyInfo.
HolderId holder_of_key(EVP_PKEY* key);

}  // namespace ebb
