// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/digest.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "devmap/core/secret.h"
#include "engine/crypto/evp.h"

namespace ebb {

namespace {

constexpr std::size_t digest_size = Digest::size;
constexpr std::size_t sha256_block_size = 64;

using DigestRoom = Secret<digest_size, struct DigestRoomTag>;
using KeyBlock = Secret<sha256_block_size, struct KeyBlockTag>;

}  // namespace

struct Sha256::State {
  evp::MdContext context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  EBB_CHECK(state_->context, "out of memory");
  EBB_EVP_CHECK(EVP_DigestInit_ex2(state_->context.get(), evp::sha256(), nullptr));
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

Sha256& Sha256::update(Bytes bytes) {
  EBB_EVP_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()));
  return *this;
}

Digest Sha256::finish() {
  Digest digest;
  finish_into(digest.bytes);
  return digest;
}

void Sha256::finish_into(MutableBytes room) {
  EBB_CHECK(room.size() == digest_size, "a SHA-256 has 32 bytes");
  EBB_EVP_CHECK(EVP_DigestFinal_ex(state_->context.get(), evp::raw_room(room), nullptr));
  EBB_EVP_CHECK(EVP_DigestInit_ex2(state_->context.get(), evp::sha256(), nullptr));
}

Digest sha256(Bytes bytes) {
  return Sha256().update(bytes).finish();
}

void hmac_sha256_into(MutableBytes room, Bytes key, std::initializer_list<Bytes> parts) {
  Sha256 hash;
  KeyBlock block;
  if (key.size() > sha256_block_size) {
    hash.update(key).finish_into(block.room().first(digest_size));
  } else {
    std::copy(key.begin(), key.end(), block.room().begin());
  }
  DigestRoom inner;
  for (std::byte& b : block.room()) b ^= std::byte{0x36};
  hash.update(block.reveal());
  for (const Bytes part : parts) hash.update(part);
  hash.finish_into(inner.room());
  for (std::byte& b : block.room()) b ^= std::byte{0x36 ^ 0x5c};
  hash.update(block.reveal()).update(inner.reveal()).finish_into(room);
}

Digest hmac_sha256(Bytes key, std::initializer_list<Bytes> parts) {
  Digest code;
  hmac_sha256_into(code.bytes, key, parts);
  return code;
}

void hkdf_sha256_extract(MutableBytes room, Bytes salt, std::initializer_list<Bytes> parts) {
  hmac_sha256_into(room, salt, parts);
}

void hkdf_sha256_expand(MutableBytes room, Bytes pseudorandom_key,
                        std::initializer_list<Bytes> parts) {
  EBB_CHECK(room.size() <= 255 * digest_size, "HKDF gives no more than 255 digests");
  // The info is short: joined once, so that each step is one call.
  ByteVector info;
  for (const Bytes part : parts) append(info, part);
  DigestRoom previous;
  Bytes chained;  // T(0) is empty.
  for (std::uint8_t step = 1; !room.empty(); ++step) {
    const std::byte number{step};
    hmac_sha256_into(previous.room(), pseudorandom_key, {chained, info, Bytes(&number, 1)});
    chained = previous.reveal();
    const std::size_t taken = std::min(room.size(), digest_size);
    std::copy_n(chained.begin(), taken, room.begin());
    room = room.subspan(taken);
  }
}

bool equal_constant_time(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ebb
