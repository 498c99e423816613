// SPDX-License-Identifier: Apache-2.0
// sealed_file.h - bytes that only who holds a key can read or alter: AES-256-GCM (NIST SP 800-38D).
//
//   magic (8)   nonce (12)   sealed (as long as the plain)   tag (16)
//
// The magic is authenticated with the bytes, so what is sealed for one purpose opens for no other.
// The nonce is made of the plain bytes under a key of its own, so the same bytes are sealed as the
// same bytes, and no nonce is used for two.
#pragma once

#include <string_view>

#include "devmap/core/result.h"
#include "devmap/core/secret.h"

namespace ebb {

using SealingKey = Secret<32, struct SealingKeyTag>;
inline constexpr std::size_t seal_magic_size = 8;

// `magic` has 8 bytes.
ByteVector seal_file(std::string_view magic, const SealingKey& key, Bytes plain);
// `damaged` when it does not begin with the magic or is too short, `mismatch` when the key is
// another or a byte was altered.
Result<SecretBuffer> open_file(std::string_view magic, const SealingKey& key, Bytes sealed);

}  // namespace ebb
