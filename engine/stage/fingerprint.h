// SPDX-License-Identifier: Apache-2.0
// fingerprint.h - the keyed name of a block's plain bytes.
//
//   HMAC-SHA-256(id key, 0x01 | u32le plain length | SHA-256(leaf 0) | ... | SHA-256(leaf n))
//
// Leaves are 16 KiB, the last may be short. They let a multi-buffer kernel keep all its lanes busy
// with the leaves of a whole batch; the key keeps a storage agent from testing whether a block that
// it knows is present. Equal blocks have equal fingerprints under one id key, and nobody without
// the key can tell more than that.
#pragma once

#include <memory>
#include <span>

#include "devmap/core/bytes.h"
#include "devmap/core/secret.h"
#include "devmap/core/units.h"
#include "engine/stage/backend.h"

namespace ebb {

using Fingerprint = Name<32, struct FingerprintTag>;
using IdKey = Secret<32, struct IdKeyTag>;

inline constexpr std::byte fingerprint_version{0x01};
inline constexpr ByteCount fingerprint_leaf = 16_KiB;

// Holds scratch memory and is used by one thread at a time: one a worker.
class Fingerprinter {
 public:
  virtual ~Fingerprinter() = default;
  // out[i] = the fingerprint of blocks[i]. Any number of blocks, each from 1 byte to
  // limits::max_block_size. Allocates nothing.
  virtual void fingerprint(std::span<const Bytes> blocks, std::span<Fingerprint> out) = 0;

  // One block, for those who have only one.
  Fingerprint of(Bytes block) {
    Fingerprint result;
    fingerprint(std::span(&block, 1), std::span(&result, 1));
    return result;
  }
};

// `backend` is one of usable_backends().
std::unique_ptr<Fingerprinter> make_fingerprinter(CryptoBackend backend, const IdKey& key);

}  // namespace ebb
