// SPDX-License-Identifier: Apache-2.0
// hpke.h - sealing a small secret to somebody's public key.
//
// RFC 9180, base mode, one message a context: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
// The receiver learns nothing about who sealed; that is what a signature is for. A peer's key that
// leads to the all-zero shared secret is refused (RFC 9180 section 7.1.4).
#pragma once

#include <array>

#include "devmap/core/bytes.h"
#include "devmap/core/random.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"

namespace ebb {

using HpkePublicKey = Name<32, struct HpkePublicKeyTag>;
using HpkeSecretKey = Secret<32, struct HpkeSecretKeyTag>;

struct HpkeSealed {
  std::array<std::byte, 32> enc;  // The encapsulated key: the ephemeral public key.
  ByteVector ciphertext;          // As long as the plain bytes, and a tag of 16.
};

// RFC 9180 DeriveKeyPair over 32 random bytes.
HpkeSecretKey make_hpke_secret_key(Random& random);
HpkePublicKey hpke_public_key(const HpkeSecretKey& key);

// `invalid` when the recipient's key is no usable point.
Result<HpkeSealed> hpke_seal(const HpkePublicKey& recipient, Bytes info, Bytes aad, Bytes plain,
                             Random& random);
// `damaged` when anything is other than what was sealed, or was sealed to another key.
Result<SecretBuffer> hpke_open(const HpkeSecretKey& key, Bytes enc, Bytes info, Bytes aad,
                               Bytes ciphertext);

// The same with the AEAD named (RFC 9180 section 7.3). ebb writes AES-256-GCM only; the other one
// lets the vectors printed in the RFC test this code.
enum class HpkeAead : std::uint16_t { aes_128_gcm = 1, aes_256_gcm = 2 };
Result<HpkeSealed> hpke_seal_with(HpkeAead aead, const HpkePublicKey& recipient, Bytes info,
                                  Bytes aad, Bytes plain, Random& random);
Result<SecretBuffer> hpke_open_with(HpkeAead aead, const HpkeSecretKey& key, Bytes enc, Bytes info,
                                    Bytes aad, Bytes ciphertext);

}  // namespace ebb
