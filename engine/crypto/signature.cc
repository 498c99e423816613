// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/signature.h"

#include "engine/crypto/evp.h"

namespace ebb {

namespace {

evp::Key private_key(const SigningSeed& seed) {
  evp::Key key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, evp::raw(seed.reveal()), seed.size));
  EBB_CHECK(key, "any 32 bytes are an Ed25519 seed");
  return key;
}

}  // namespace

SigningSeed make_signing_seed(Random& random) {
  SigningSeed seed;
  random.fill(seed.room());
  return seed;
}

VerifyKey verify_key_of(const SigningSeed& seed) {
  VerifyKey key;
  std::size_t size = key.size;
  EBB_EVP_CHECK(
      EVP_PKEY_get_raw_public_key(private_key(seed).get(), evp::raw_room(key.bytes), &size));
  return key;
}

Signature sign(const SigningSeed& seed, Bytes message) {
  const evp::Key key = private_key(seed);
  const evp::MdContext context(EVP_MD_CTX_new());
  EBB_CHECK(context, "out of memory");
  EBB_EVP_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  Signature signature;
  std::size_t size = signature.size;
  EBB_EVP_CHECK(EVP_DigestSign(context.get(), evp::raw_room(signature.bytes), &size,
                               evp::raw(message), message.size()));
  EBB_CHECK(size == signature.size, "an Ed25519 signature has 64 bytes");
  return signature;
}

bool verify(const VerifyKey& key, Bytes message, const Signature& signature) {
  const evp::Key public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, evp::raw(key.view()), key.size));
  if (!public_key) return false;
  const evp::MdContext context(EVP_MD_CTX_new());
  EBB_CHECK(context, "out of memory");
  EBB_EVP_CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()));
  return EVP_DigestVerify(context.get(), evp::raw(signature.view()), signature.size,
                          evp::raw(message), message.size()) == 1;
}

}  // namespace ebb
