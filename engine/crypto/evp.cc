// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/evp.h"

namespace ebb::evp {

namespace {

EVP_CIPHER* fetched_cipher(const char* name) {
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(nullptr, name, nullptr);
  EBB_CHECK(cipher != nullptr, "this OpenSSL has no AES-GCM");
  return cipher;
}

}  // namespace

const EVP_MD* sha256() {
  static const EVP_MD* const md = [] {
    EVP_MD* fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EBB_CHECK(fetched != nullptr, "this OpenSSL has no SHA-256");
    return fetched;
  }();
  return md;
}

const EVP_CIPHER* aes_128_gcm() {
  static const EVP_CIPHER* const cipher = fetched_cipher("AES-128-GCM");
  return cipher;
}

const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const cipher = fetched_cipher("AES-256-GCM");
  return cipher;
}

}  // namespace ebb::evp
