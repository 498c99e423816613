// SPDX-License-Identifier: Apache-2.0
// gcm_kernel.h - AES-256-GCM as a backend gives it: an expanded key and two one-shot functions.
//
// Knows nothing of records; RecordCipher (seal.h) is the only user besides the tests that hold each
// kernel to the vectors of NIST. Methods may be called by many threads at once.
#pragma once

#include <memory>

#include "devmap/core/bytes.h"
#include "devmap/core/secret.h"
#include "engine/stage/backend.h"

namespace ebb {

class GcmKernel {
 public:
  static constexpr std::size_t nonce_size = 12;
  static constexpr std::size_t tag_size = 16;

  virtual ~GcmKernel() = default;
  // `room` is as long as `plain`, and is it or does not overlap it.
  virtual void encrypt(Bytes plain, Bytes nonce, Bytes aad, MutableBytes room,
                       MutableBytes tag) const = 0;
  // Whether `tag` is right; if not, `room` holds bytes that must not be used.
  virtual bool decrypt(Bytes ciphertext, Bytes nonce, Bytes aad, Bytes tag,
                       MutableBytes room) const = 0;
};

std::unique_ptr<GcmKernel> make_openssl_gcm_kernel(std::span<const std::byte, 32> key);
std::unique_ptr<GcmKernel> make_ipsec_mb_gcm_kernel(std::span<const std::byte, 32> key);
std::unique_ptr<GcmKernel> make_isal_crypto_gcm_kernel(std::span<const std::byte, 32> key);

// `backend` is one of usable_backends().
std::unique_ptr<GcmKernel> make_gcm_kernel(CryptoBackend backend,
                                           std::span<const std::byte, 32> key);

}  // namespace ebb
