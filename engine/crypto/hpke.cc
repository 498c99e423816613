// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/hpke.h"

#include "devmap/core/endian.h"
#include "engine/crypto/aead.h"
#include "engine/crypto/digest.h"
#include "engine/crypto/evp.h"

namespace ebb {

namespace {

// Named as in RFC 9180 section 7.
constexpr std::uint16_t kem_x25519_hkdf_sha256 = 0x0020;
constexpr std::uint16_t kdf_hkdf_sha256 = 0x0001;
constexpr std::byte mode_base{0x00};

using KdfKey = Secret<32, struct KdfKeyTag>;
using SharedSecret = Secret<32, struct SharedSecretTag>;

std::array<std::byte, 2> big_endian(std::uint16_t value) {
  return {static_cast<std::byte>(value >> 8), static_cast<std::byte>(value & 0xff)};
}

// I2OSP and the suite id that every labelled derivation is bound to (section 4, 4.1, 5.1).
ByteVector kem_suite() {
  ByteVector id = copy_of(bytes_of("KEM"));
  append(id, big_endian(kem_x25519_hkdf_sha256));
  return id;
}
ByteVector hpke_suite(HpkeAead aead) {
  ByteVector id = copy_of(bytes_of("HPKE"));
  append(id, big_endian(kem_x25519_hkdf_sha256));
  append(id, big_endian(kdf_hkdf_sha256));
  append(id, big_endian(static_cast<std::uint16_t>(aead)));
  return id;
}

void labeled_extract(MutableBytes room, Bytes suite, Bytes salt, std::string_view label,
                     Bytes keying_material) {
  hkdf_sha256_extract(room, salt, {bytes_of("HPKE-v1"), suite, bytes_of(label), keying_material});
}

void labeled_expand(MutableBytes room, Bytes suite, Bytes pseudorandom_key, std::string_view label,
                    std::initializer_list<Bytes> info) {
  ByteVector joined;
  for (const Bytes part : info) append(joined, part);
  hkdf_sha256_expand(room, pseudorandom_key,
                     {big_endian(static_cast<std::uint16_t>(room.size())), bytes_of("HPKE-v1"),
                      suite, bytes_of(label), joined});
}

evp::Key private_key(const HpkeSecretKey& key) {
  evp::Key raw(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, evp::raw(key.reveal()), key.size));
  EBB_CHECK(raw, "any 32 bytes are an X25519 private key");
  return raw;
}

// DH of section 7.1; refuses the all-zero result (section 7.1.4), which every key of small order
// leads to.
Result<SharedSecret> diffie_hellman(const HpkeSecretKey& mine, Bytes theirs) {
  const evp::Key secret = private_key(mine);
  const evp::Key peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, evp::raw(theirs), theirs.size()));
  if (!peer) return fail(Error::invalid("{} bytes are no X25519 public key", theirs.size()));
  const evp::KeyContext context(EVP_PKEY_CTX_new(secret.get(), nullptr));
  EBB_CHECK(context, "out of memory");
  EBB_EVP_CHECK(EVP_PKEY_derive_init(context.get()));
  EBB_EVP_CHECK(EVP_PKEY_derive_set_peer(context.get(), peer.get()));
  SharedSecret shared;
  std::size_t size = shared.size;
  if (EVP_PKEY_derive(context.get(), evp::raw_room(shared.room()), &size) != 1 ||
      size != shared.size || all_zero(shared.reveal())) {
    return fail(Error::invalid("an X25519 public key of small order"));
  }
  return shared;
}

// ExtractAndExpand of section 4.1, with kem_context = enc | pkR.
SharedSecret kem_secret(const SharedSecret& dh, Bytes enc, Bytes recipient) {
  const ByteVector suite = kem_suite();
  KdfKey key;
  labeled_extract(key.room(), suite, {}, "eae_prk", dh.reveal());
  SharedSecret shared;
  labeled_expand(shared.room(), suite, key.reveal(), "shared_secret", {enc, recipient});
  return shared;
}

// KeySchedule of section 5.1, up to what the first message needs: for sequence number 0 the nonce
// is the base nonce.
struct MessageKey {
  SecretBuffer key;
  std::array<std::byte, aead_nonce_size> nonce;
};

MessageKey key_schedule(HpkeAead aead, const SharedSecret& shared, Bytes info) {
  const ByteVector suite = hpke_suite(aead);
  Digest psk_id_hash;
  Digest info_hash;
  labeled_extract(psk_id_hash.bytes, suite, {}, "psk_id_hash", {});
  labeled_extract(info_hash.bytes, suite, {}, "info_hash", info);
  const Bytes mode(&mode_base, 1);
  const std::initializer_list<Bytes> context = {mode, psk_id_hash.view(), info_hash.view()};

  KdfKey secret;
  labeled_extract(secret.room(), suite, shared.reveal(), "secret", {});
  MessageKey result{SecretBuffer(aead == HpkeAead::aes_128_gcm ? 16 : 32), {}};
  labeled_expand(result.key.room(), suite, secret.reveal(), "key", context);
  labeled_expand(result.nonce, suite, secret.reveal(), "base_nonce", context);
  return result;
}

}  // namespace

HpkeSecretKey make_hpke_secret_key(Random& random) {
  const ByteVector suite = kem_suite();
  Secret<32, struct KeyingMaterialTag> material;
  random.fill(material.room());
  KdfKey prk;
  labeled_extract(prk.room(), suite, {}, "dkp_prk", material.reveal());
  HpkeSecretKey key;
  labeled_expand(key.room(), suite, prk.reveal(), "sk", {});
  return key;
}

HpkePublicKey hpke_public_key(const HpkeSecretKey& key) {
  HpkePublicKey result;
  std::size_t size = result.size;
  EBB_EVP_CHECK(
      EVP_PKEY_get_raw_public_key(private_key(key).get(), evp::raw_room(result.bytes), &size));
  return result;
}

Result<HpkeSealed> hpke_seal_with(HpkeAead aead, const HpkePublicKey& recipient, Bytes info,
                                  Bytes aad, Bytes plain, Random& random) {
  const HpkeSecretKey ephemeral = make_hpke_secret_key(random);
  const HpkePublicKey enc = hpke_public_key(ephemeral);
  const SharedSecret dh = TRY(during(diffie_hellman(ephemeral, recipient.view()),
                                     "sealing to the public key {}", recipient.hex()));
  const SharedSecret shared = kem_secret(dh, enc.view(), recipient.view());
  const MessageKey message = key_schedule(aead, shared, info);
  return HpkeSealed{enc.bytes, TRY(aead_seal(message.key.reveal(), message.nonce, aad, plain))};
}

Result<SecretBuffer> hpke_open_with(HpkeAead aead, const HpkeSecretKey& key, Bytes enc, Bytes info,
                                    Bytes aad, Bytes ciphertext) {
  const Result<SharedSecret> dh = diffie_hellman(key, enc);
  // What stands in `enc` was read, not asked for: for the opener a bad point is damage.
  if (!dh) return fail(Error::damaged("opening an HPKE message: {}", dh.error().text()));
  const SharedSecret shared = kem_secret(*dh, enc, hpke_public_key(key).view());
  const MessageKey message = key_schedule(aead, shared, info);
  return during(aead_open(message.key.reveal(), message.nonce, aad, ciphertext),
                "opening an HPKE message");
}

Result<HpkeSealed> hpke_seal(const HpkePublicKey& recipient, Bytes info, Bytes aad, Bytes plain,
                             Random& random) {
  return hpke_seal_with(HpkeAead::aes_256_gcm, recipient, info, aad, plain, random);
}

Result<SecretBuffer> hpke_open(const HpkeSecretKey& key, Bytes enc, Bytes info, Bytes aad,
                               Bytes ciphertext) {
  return hpke_open_with(HpkeAead::aes_256_gcm, key, enc, info, aad, ciphertext);
}

}  // namespace ebb
