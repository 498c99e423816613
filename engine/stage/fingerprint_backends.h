// SPDX-License-Identifier: Apache-2.0
// fingerprint_backends.h - what the fingerprint backends share. Only for engine/stage.
//
// A fingerprint is made in two steps: the message (version, plain length, digest of each leaf),
// then its HMAC. Backends differ in how they hash, never in what the message is.
#pragma once

#include <algorithm>
#include <memory>

#include "devmap/core/check.h"
#include "devmap/core/endian.h"
#include "devmap/core/limits.h"
#include "engine/stage/fingerprint.h"

namespace ebb {

std::unique_ptr<Fingerprinter> make_openssl_fingerprinter(const IdKey& key);
std::unique_ptr<Fingerprinter> make_ipsec_mb_fingerprinter(const IdKey& key);
std::unique_ptr<Fingerprinter> make_isal_crypto_fingerprinter(const IdKey& key);

// The layout of a message.
inline constexpr std::size_t leaf_digest_size = 32;
inline constexpr std::size_t message_head_size = 1 + sizeof(Le32);

constexpr std::size_t leaf_count(std::size_t plain_length) {
  return (plain_length + fingerprint_leaf.size() - 1) / fingerprint_leaf.size();
}
constexpr std::size_t message_size(std::size_t plain_length) {
  return message_head_size + leaf_count(plain_length) * leaf_digest_size;
}
inline constexpr std::size_t max_message_size = message_size(limits::max_block_size.size());

inline Bytes leaf_of(Bytes block, std::size_t leaf) {
  const Bytes rest = block.subspan(leaf * fingerprint_leaf.size());
  return rest.first(std::min(rest.size(), fingerprint_leaf.size()));
}

inline void check_block(Bytes block) {
  EBB_CHECK(!block.empty() && block.size() <= limits::max_block_size.size(),
            "a block has 1 byte to 1 MiB");
}

inline void write_message_head(MutableBytes message, std::size_t plain_length) {
  const Le32 length(static_cast<std::uint32_t>(plain_length));
  message[0] = fingerprint_version;
  std::memcpy(message.data() + 1, &length, sizeof length);
}

// Multi-buffer backends take the blocks of a call in groups, as many as these bounds on blocks and
// message bytes allow, so that their scratch memory has a size. Every batch is one group: the most
// message bytes that a batch can make is one leaf a block of 4 KiB.
inline constexpr std::size_t group_blocks = limits::max_blocks_in_batch;
inline constexpr std::size_t group_message_bytes =
    std::max(max_message_size, group_blocks* message_size(limits::min_block_size.size()));

inline std::size_t blocks_in_group(std::span<const Bytes> blocks) {
  std::size_t taken = 0;
  std::size_t used = 0;
  for (; taken < blocks.size() && taken < group_blocks; ++taken) {
    check_block(blocks[taken]);
    used += message_size(blocks[taken].size());
    if (used > group_message_bytes) break;
  }
  return taken;
}

// The key padded to a block of SHA-256 and xored with `pad` (RFC 2104).
using PaddedKey = Secret<64, struct PaddedKeyTag>;
inline constexpr std::byte inner_pad{0x36};
inline constexpr std::byte outer_pad{0x5c};

inline PaddedKey padded(const IdKey& key, std::byte pad) {
  PaddedKey block;
  std::copy(key.reveal().begin(), key.reveal().end(), block.room().begin());
  for (std::byte& b : block.room()) b ^= pad;
  return block;
}

}  // namespace ebb
