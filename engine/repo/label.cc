// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/label.h"

#include "engine/crypto/aead.h"

namespace ebb {

namespace {

using LabelKey = Secret<32, struct LabelKeyTag>;

LabelKey label_key(const IdKey& key, Bytes salt) {
  LabelKey label;
  hkdf_sha256_expand(label.room(), key.reveal(), {bytes_of("ebb label 1"), salt});
  return label;
}

constexpr std::array<std::byte, aead_nonce_size> no_nonce{};  // Each key seals one label.

}  // namespace

SealedLabel seal_label(const IdKey& key, Bytes context, Bytes plain, Random& random) {
  SealedLabel label;
  random.fill(label.salt);
  auto sealed = aead_seal(label_key(key, label.salt).reveal(), no_nonce, context, plain);
  EBB_CHECK(sealed.has_value(), "sealing a small object cannot fail");
  label.sealed = std::move(*sealed);
  return label;
}

Result<ByteVector> open_label(const IdKey& key, Bytes context, const SealedLabel& label) {
  const auto plain =
      TRY(aead_open(label_key(key, label.salt).reveal(), no_nonce, context, label.sealed));
  return copy_of(plain.reveal());
}

VolumeId volume_id_of(const IdKey& key, std::string_view volume_name) {
  Secret<32, struct VolumeKeyTag> volume_key;
  hkdf_sha256_expand(volume_key.room(), key.reveal(), {bytes_of("ebb volume 1")});
  const Digest digest = hmac_sha256(volume_key.reveal(), {bytes_of(volume_name)});
  return *VolumeId::of(digest.view().first(VolumeId::size));
}

}  // namespace ebb
