// SPDX-License-Identifier: Apache-2.0
// label.h - what the holder of the id key can read and a storage agent cannot: names and passports.
//
// A label is sealed under a key derived from the id key and a fresh salt, so every label has a key
// of its own and the nonce is zero. Every source of the repository can open it; it holds no
// content.
#pragma once

#include "devmap/core/random.h"
#include "engine/repo/ids.h"

namespace ebb {

struct SealedLabel {
  std::array<std::byte, 32> salt{};
  ByteVector sealed;
};

// `context` says what the label belongs to; opening with another context fails.
SealedLabel seal_label(const IdKey& key, Bytes context, Bytes plain, Random& random);
Result<ByteVector> open_label(const IdKey& key, Bytes context, const SealedLabel& label);

// A volume's id: nobody without the id key can tell the name from it, or whether a name is there.
VolumeId volume_id_of(const IdKey& key, std::string_view volume_name);

}  // namespace ebb
