// SPDX-License-Identifier: Apache-2.0
#include "wire/link/sealed_file.h"

#include <openssl/hmac.h>

#include "wire/link/openssl.h"

namespace ebb {

namespace {

using ossl::raw;
using ossl::raw_room;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, ossl::Release<EVP_CIPHER_CTX_free>>;

constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t head_size = seal_magic_size + nonce_size;
// OpenSSL counts in int.
constexpr std::size_t max_at_once = std::size_t{1} << 30;

// HMAC-SHA-256 (RFC 2104).
SealingKey hmac(Bytes key, Bytes bytes) {
  SealingKey made;
  EBB_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(bytes), bytes.size(),
                 raw_room(made.room()), nullptr) != nullptr,
            "OpenSSL has no HMAC");
  return made;
}

CipherContext begin(bool sealing, const SealingKey& key, Bytes magic, Bytes nonce) {
  const SealingKey own = hmac(key.reveal(), bytes_of("ebb sealed file: content"));
  CipherContext context(EVP_CIPHER_CTX_new());
  EBB_OSSL_CHECK(EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, raw(own.reveal()),
                                   raw(nonce), sealing ? 1 : 0));
  int length = 0;
  EBB_OSSL_CHECK(EVP_CipherUpdate(context.get(), nullptr, &length, raw(magic),
                                  static_cast<int>(magic.size())));
  return context;
}

void run(EVP_CIPHER_CTX* context, Bytes from, MutableBytes to) {
  for (std::size_t at = 0; at < from.size(); at += max_at_once) {
    const Bytes part = from.subspan(at, std::min(max_at_once, from.size() - at));
    int length = 0;
    EBB_OSSL_CHECK(EVP_CipherUpdate(context, raw_room(to.subspan(at)), &length, raw(part),
                                    static_cast<int>(part.size())));
  }
}

}  // namespace

ByteVector seal_file(std::string_view magic, const SealingKey& key, Bytes plain) {
  EBB_CHECK(magic.size() == seal_magic_size, "a magic has eight bytes");
  const SealingKey purpose = hmac(key.reveal(), bytes_of("ebb sealed file: nonce"));
  const SealingKey naming = hmac(purpose.reveal(), bytes_of(magic));
  const SealingKey name = hmac(naming.reveal(), plain);
  ByteVector sealed(head_size + plain.size() + tag_size);
  const MutableBytes room(sealed);
  std::memcpy(room.data(), magic.data(), magic.size());
  std::memcpy(room.data() + seal_magic_size, name.reveal().data(), nonce_size);
  const auto context = begin(true, key, bytes_of(magic), room.subspan(seal_magic_size, nonce_size));
  run(context.get(), plain, room.subspan(head_size, plain.size()));
  int length = 0;
  EBB_OSSL_CHECK(EVP_CipherFinal_ex(context.get(), raw_room(room.last(tag_size)), &length));
  EBB_OSSL_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, tag_size,
                                     room.last(tag_size).data()));
  return sealed;
}

Result<SecretBuffer> open_file(std::string_view magic, const SealingKey& key, Bytes sealed) {
  EBB_CHECK(magic.size() == seal_magic_size, "a magic has eight bytes");
  if (sealed.size() < head_size + tag_size ||
      !same_bytes(sealed.first(seal_magic_size), bytes_of(magic))) {
    return fail(Error::damaged("it is not what it should be, or not all of it"));
  }
  const auto context =
      begin(false, key, bytes_of(magic), sealed.subspan(seal_magic_size, nonce_size));
  const Bytes content = sealed.subspan(head_size, sealed.size() - head_size - tag_size);
  SecretBuffer plain(content.size());
  run(context.get(), content, plain.room());
  ByteVector tag = copy_of(sealed.last(tag_size));
  EBB_OSSL_CHECK(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()));
  int length = 0;
  std::byte nothing[tag_size];
  if (EVP_CipherFinal_ex(context.get(), raw_room(nothing), &length) != 1) {
    return fail(
        Error::mismatch("the key does not open it: it is another's, or a byte was altered"));
  }
  return plain;
}

}  // namespace ebb
