// SPDX-License-Identifier: Apache-2.0
// gcm_kernel_ipsec_mb.cc - AES-256-GCM on the direct calls of intel-ipsec-mb.
//
// The direct calls keep no state but what they are given: a key schedule, which is constant, and a
// context on our stack. They can only refuse null pointers and absurd lengths, which do not get
// here.
#include <openssl/crypto.h>

#include <cstring>

#include "devmap/core/check.h"
#include "engine/crypto/evp.h"
#include "engine/stage/gcm_kernel.h"
#include "engine/stage/ipsec_mb.h"

namespace ebb {

namespace {

using evp::raw;
using evp::raw_room;

// Working state of one call; it holds key stream, so it does not stay on the stack.
struct CallState {
  gcm_context_data data;
  CallState() = default;
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;
  ~CallState() { ::explicit_bzero(&data, sizeof data); }
};

class IpsecMbGcmKernel final : public GcmKernel {
 public:
  explicit IpsecMbGcmKernel(std::span<const std::byte, 32> key) : kernels_(ipsec_mb_kernels()) {
    EBB_CHECK(kernels_ != nullptr, "intel-ipsec-mb does not run on this CPU");
    IMB_AES256_GCM_PRE(kernels_, key.data(), &schedule_);
  }
  ~IpsecMbGcmKernel() override { ::explicit_bzero(&schedule_, sizeof schedule_); }
  IpsecMbGcmKernel(const IpsecMbGcmKernel&) = delete;
  IpsecMbGcmKernel& operator=(const IpsecMbGcmKernel&) = delete;

  void encrypt(Bytes plain, Bytes nonce, Bytes aad, MutableBytes room,
               MutableBytes tag) const override {
    CallState state;
    IMB_AES256_GCM_ENC(kernels_, &schedule_, &state.data, raw_room(room), raw(plain), plain.size(),
                       raw(nonce), raw(aad), aad.size(), raw_room(tag), tag_size);
  }

  bool decrypt(Bytes ciphertext, Bytes nonce, Bytes aad, Bytes tag,
               MutableBytes room) const override {
    CallState state;
    std::array<std::byte, tag_size> computed;
    IMB_AES256_GCM_DEC(kernels_, &schedule_, &state.data, raw_room(room), raw(ciphertext),
                       ciphertext.size(), raw(nonce), raw(aad), aad.size(), raw_room(computed),
                       tag_size);
    return CRYPTO_memcmp(computed.data(), tag.data(), tag_size) == 0;
  }

 private:
  const IMB_MGR* kernels_;
  alignas(64) gcm_key_data schedule_;
};

}  // namespace

std::unique_ptr<GcmKernel> make_ipsec_mb_gcm_kernel(std::span<const std::byte, 32> key) {
  return std::make_unique<IpsecMbGcmKernel>(key);
}

}  // namespace ebb
