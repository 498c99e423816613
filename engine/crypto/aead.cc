// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/aead.h"

#include "engine/crypto/evp.h"

namespace ebb {

namespace {

Result<const EVP_CIPHER*> cipher_for(Bytes key, Bytes nonce) {
  if (nonce.size() != aead_nonce_size) {
    return fail(Error::invalid("an AES-GCM nonce of {} bytes", nonce.size()));
  }
  if (key.size() == 32) return evp::aes_256_gcm();
  if (key.size() == 16) return evp::aes_128_gcm();
  return fail(Error::invalid("an AES key of {} bytes", key.size()));
}

}  // namespace

Result<ByteVector> aead_seal(Bytes key, Bytes nonce, Bytes aad, Bytes plain) {
  const EVP_CIPHER* const cipher = TRY(cipher_for(key, nonce));
  const evp::CipherContext context(EVP_CIPHER_CTX_new());
  EBB_CHECK(context, "out of memory");
  EVP_CIPHER_CTX* const c = context.get();
  ByteVector sealed(plain.size() + aead_tag_size);
  const MutableBytes text = MutableBytes(sealed).first(plain.size());
  const MutableBytes tag = MutableBytes(sealed).last(aead_tag_size);
  int written = 0;
  EBB_EVP_CHECK(EVP_EncryptInit_ex2(c, cipher, evp::raw(key), evp::raw(nonce), nullptr));
  if (!aad.empty()) {
    EBB_EVP_CHECK(EVP_EncryptUpdate(c, nullptr, &written, evp::raw(aad), evp::length_of(aad)));
  }
  if (!plain.empty()) {
    EBB_EVP_CHECK(EVP_EncryptUpdate(c, evp::raw_room(text), &written, evp::raw(plain),
                                    evp::length_of(plain)));
  }
  EBB_EVP_CHECK(EVP_EncryptFinal_ex(c, evp::raw_room(tag), &written));  // Writes nothing in GCM.
  EBB_EVP_CHECK(
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag.size()), tag.data()));
  return sealed;
}

Result<SecretBuffer> aead_open(Bytes key, Bytes nonce, Bytes aad, Bytes sealed) {
  const EVP_CIPHER* const cipher = TRY(cipher_for(key, nonce));
  if (sealed.size() < aead_tag_size) {
    return fail(Error::damaged("{} sealed bytes are too few for a tag", sealed.size()));
  }
  const evp::CipherContext context(EVP_CIPHER_CTX_new());
  EBB_CHECK(context, "out of memory");
  EVP_CIPHER_CTX* const c = context.get();
  const Bytes text = sealed.first(sealed.size() - aead_tag_size);
  // OpenSSL takes the tag through a pointer that is not const.
  std::array<std::byte, aead_tag_size> tag;
  std::memcpy(tag.data(), sealed.data() + text.size(), tag.size());
  SecretBuffer plain(text.size());
  int written = 0;
  EBB_EVP_CHECK(EVP_DecryptInit_ex2(c, cipher, evp::raw(key), evp::raw(nonce), nullptr));
  if (!aad.empty()) {
    EBB_EVP_CHECK(EVP_DecryptUpdate(c, nullptr, &written, evp::raw(aad), evp::length_of(aad)));
  }
  if (!text.empty()) {
    EBB_EVP_CHECK(EVP_DecryptUpdate(c, evp::raw_room(plain.room()), &written, evp::raw(text),
                                    evp::length_of(text)));
  }
  EBB_EVP_CHECK(
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag.size()), tag.data()));
  std::array<unsigned char, aead_tag_size> nothing;
  if (EVP_DecryptFinal_ex(c, nothing.data(), &written) != 1) {
    return fail(Error::damaged("the tag of {} sealed bytes does not match", sealed.size()));
  }
  return plain;
}

}  // namespace ebb
