// SPDX-License-Identifier: Apache-2.0
// gcm_kernel_openssl.cc - AES-256-GCM on OpenSSL's EVP.
//
// A context of EVP serves one call at a time, and making one expands the key anew. So contexts with
// an expanded key are kept and lent out; there are as many as calls were ever under way at once.
#include <mutex>
#include <vector>

#include "engine/crypto/evp.h"
#include "engine/stage/gcm_kernel.h"

namespace ebb {

namespace {

class OpensslGcmKernel final : public GcmKernel {
 public:
  explicit OpensslGcmKernel(std::span<const std::byte, 32> key) : key_(key) {}

  void encrypt(Bytes plain, Bytes nonce, Bytes aad, MutableBytes room,
               MutableBytes tag) const override {
    const Loan loan(*this);
    EVP_CIPHER_CTX* const c = loan.context();
    int written = 0;
    EBB_EVP_CHECK(EVP_EncryptInit_ex2(c, nullptr, nullptr, evp::raw(nonce), nullptr));
    if (!aad.empty()) {
      EBB_EVP_CHECK(EVP_EncryptUpdate(c, nullptr, &written, evp::raw(aad), evp::length_of(aad)));
    }
    if (!plain.empty()) {
      EBB_EVP_CHECK(EVP_EncryptUpdate(c, evp::raw_room(room), &written, evp::raw(plain),
                                      evp::length_of(plain)));
    }
    EBB_EVP_CHECK(EVP_EncryptFinal_ex(c, evp::raw_room(tag), &written));  // Writes nothing in GCM.
    EBB_EVP_CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, tag_size, tag.data()));
  }

  bool decrypt(Bytes ciphertext, Bytes nonce, Bytes aad, Bytes tag,
               MutableBytes room) const override {
    const Loan loan(*this);
    EVP_CIPHER_CTX* const c = loan.context();
    std::array<std::byte, tag_size> expected;  // OpenSSL's pointer to it is not const.
    std::memcpy(expected.data(), tag.data(), tag_size);
    int written = 0;
    EBB_EVP_CHECK(EVP_DecryptInit_ex2(c, nullptr, nullptr, evp::raw(nonce), nullptr));
    if (!aad.empty()) {
      EBB_EVP_CHECK(EVP_DecryptUpdate(c, nullptr, &written, evp::raw(aad), evp::length_of(aad)));
    }
    if (!ciphertext.empty()) {
      EBB_EVP_CHECK(EVP_DecryptUpdate(c, evp::raw_room(room), &written, evp::raw(ciphertext),
                                      evp::length_of(ciphertext)));
    }
    EBB_EVP_CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, tag_size, expected.data()));
    std::array<unsigned char, tag_size> nothing;
    return EVP_DecryptFinal_ex(c, nothing.data(), &written) == 1;
  }

 private:
  // Takes a context out of the pool for the length of a call.
  class Loan {
   public:
    explicit Loan(const OpensslGcmKernel& kernel) : kernel_(kernel), context_(kernel.borrow()) {}
    ~Loan() { kernel_.give_back(std::move(context_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    EVP_CIPHER_CTX* context() const { return context_.get(); }

   private:
    const OpensslGcmKernel& kernel_;
    evp::CipherContext context_;
  };

  evp::CipherContext borrow() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        evp::CipherContext context = std::move(idle_.back());
        idle_.pop_back();
        return context;
      }
    }
    evp::CipherContext context(EVP_CIPHER_CTX_new());
    EBB_CHECK(context, "out of memory");
    EBB_EVP_CHECK(EVP_EncryptInit_ex2(context.get(), evp::aes_256_gcm(), evp::raw(key_.reveal()),
                                      nullptr, nullptr));
    return context;
  }

  void give_back(evp::CipherContext context) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(context));
  }

  Secret<32, struct GcmKeyTag> key_;
  mutable std::mutex mutex_;
  mutable std::vector<evp::CipherContext> idle_;  // OpenSSL wipes a key schedule when it frees it.
};

}  // namespace

std::unique_ptr<GcmKernel> make_openssl_gcm_kernel(std::span<const std::byte, 32> key) {
  return std::make_unique<OpensslGcmKernel>(key);
}

}  // namespace ebb
