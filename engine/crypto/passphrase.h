// SPDX-License-Identifier: Apache-2.0
// passphrase.h - from a passphrase to a key: argon2id (RFC 9106), version 0x13.
//
// The cost is written beside the salt in the key slot, so it is input from a repository that may be
// hostile: whatever lies outside the bounds below is refused before a byte is allocated.
#pragma once

#include <cstdint>

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"

namespace ebb {

using PassphraseKey = Secret<32, struct PassphraseKeyTag>;

// RFC 9106's second recommended choice: for machines where memory is scarce.
struct PassphraseCost {
  std::uint32_t memory_kib = 64 * 1024;
  std::uint32_t passes = 3;
  std::uint32_t lanes = 4;
  bool operator==(const PassphraseCost&) const = default;
};

// A process has 256 MiB, and opening a slot must take seconds at the most.
inline constexpr PassphraseCost max_passphrase_cost{128 * 1024, 16, 8};
inline constexpr std::size_t min_salt_size = 8;
inline constexpr std::size_t standard_salt_size = 16;
inline constexpr std::size_t max_salt_size = 64;

// `invalid` when the cost is out of bounds, or one that argon2id does not define.
Result<void> check(const PassphraseCost& cost);

// `invalid` for a cost, a passphrase or a salt out of bounds; `busy` when memory is short.
Result<PassphraseKey> derive(Bytes passphrase, Bytes salt, const PassphraseCost& cost);

}  // namespace ebb
