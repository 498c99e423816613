// SPDX-License-Identifier: Apache-2.0
// aead.h - AES-GCM for small objects: keyrings, sealed sections, wrapped keys.
//
// NIST SP 800-38D with nonces of 12 bytes and tags of 16, on OpenSSL's EVP. A key of 32 bytes is
// AES-256, the only one ebb writes with; one of 16 bytes is AES-128, for the test vectors of RFC
// 9180. Whoever calls makes sure that no nonce is used twice under a key. The blocks of a device go
// through engine/stage/seal.h.
#pragma once

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"

namespace ebb {

inline constexpr std::size_t aead_key_size = 32;
inline constexpr std::size_t aead_nonce_size = 12;
inline constexpr std::size_t aead_tag_size = 16;

// The ciphertext followed by its tag. `invalid` when the key or the nonce has a wrong length.
Result<ByteVector> aead_seal(Bytes key, Bytes nonce, Bytes aad, Bytes plain);

// The plain bytes. `damaged` when the tag does not match: other bytes, another key, nonce or aad.
Result<SecretBuffer> aead_open(Bytes key, Bytes nonce, Bytes aad, Bytes sealed);

}  // namespace ebb
