// SPDX-License-Identifier: Apache-2.0
// gcm_kernel_isal_crypto.cc - AES-256-GCM on the one-shot calls of isa-l_crypto.
//
// The calls keep no state but what they are given: a key schedule, which is constant, and a context
// on our stack. They can only refuse null pointers and absurd lengths, which do not get here. The
// non-temporal variants (_nt) are not used: they demand buffers on 64 bytes, which records in a
// pack are not, and write around the cache, from which CRC and parity are computed next.
#include <openssl/crypto.h>

#include <cstring>

// The names that its headers had before 2.25 are macros, and those of other libraries too.
#define NO_COMPAT_ISAL_CRYPTO_API_2_24
#include <isa-l_crypto/aes_gcm.h>

#include "devmap/core/check.h"
#include "engine/crypto/evp.h"
#include "engine/stage/gcm_kernel.h"
#include "engine/stage/isal_crypto.h"

namespace ebb {

namespace {

using evp::raw;
using evp::raw_room;

// Working state of one call; it holds key stream, so it does not stay on the stack.
struct CallState {
  alignas(64) isal_gcm_context_data data;
  CallState() = default;
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;
  ~CallState() { ::explicit_bzero(&data, sizeof data); }
};

class IsalCryptoGcmKernel final : public GcmKernel {
 public:
  explicit IsalCryptoGcmKernel(std::span<const std::byte, 32> key) {
    EBB_CHECK(isal_crypto_runs_here(), "isa-l_crypto does not run on this CPU");
    check(::isal_aes_gcm_pre_256(key.data(), &schedule_));
  }
  ~IsalCryptoGcmKernel() override { ::explicit_bzero(&schedule_, sizeof schedule_); }
  IsalCryptoGcmKernel(const IsalCryptoGcmKernel&) = delete;
  IsalCryptoGcmKernel& operator=(const IsalCryptoGcmKernel&) = delete;

  void encrypt(Bytes plain, Bytes nonce, Bytes aad, MutableBytes room,
               MutableBytes tag) const override {
    CallState state;
    check(::isal_aes_gcm_enc_256(&schedule_, &state.data, raw_room(room), raw(plain), plain.size(),
                                 raw(nonce), raw(aad), aad.size(), raw_room(tag), tag_size));
  }

  bool decrypt(Bytes ciphertext, Bytes nonce, Bytes aad, Bytes tag,
               MutableBytes room) const override {
    CallState state;
    std::array<std::byte, tag_size> computed;
    check(::isal_aes_gcm_dec_256(&schedule_, &state.data, raw_room(room), raw(ciphertext),
                                 ciphertext.size(), raw(nonce), raw(aad), aad.size(),
                                 raw_room(computed), tag_size));
    return CRYPTO_memcmp(computed.data(), tag.data(), tag_size) == 0;
  }

 private:
  static void check(int error) { EBB_CHECK(error == 0, "isa-l_crypto refused a call"); }

  alignas(64) isal_gcm_key_data schedule_;
};

}  // namespace

std::unique_ptr<GcmKernel> make_isal_crypto_gcm_kernel(std::span<const std::byte, 32> key) {
  return std::make_unique<IsalCryptoGcmKernel>(key);
}

}  // namespace ebb
