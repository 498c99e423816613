// SPDX-License-Identifier: Apache-2.0
// fingerprint_isal_crypto.cc - fingerprints on the multi-buffer SHA-256 of isa-l_crypto.
//
// The blocks of a call are taken in groups. In a group the leaves of all blocks go through the
// lanes, whatever block they belong to, then all inner hashes of the HMACs, then all outer ones; so
// lanes run empty only at the ends of these three, and a batch of 1 MiB is one group.
//
// The library knows no HMAC and gives no way to begin at a hashed pad. So what it hashes lies in
// two rooms with the padded keys in place:
//   inner_room_  padded key | message   of each block, one after the other
//   outer_room_  padded key | digest    of each block, in places of equal size
//
// It hands back a context when that one is done, in any order. A context knows where its digest
// goes; contexts are counted in and out, and each call's answer is checked.
#include <cstring>

// The names that its headers had before 2.25 are macros, and those of other libraries too.
#define NO_COMPAT_ISAL_CRYPTO_API_2_24
#include <isa-l_crypto/sha256_mb.h>

#include "engine/stage/fingerprint_backends.h"
#include "engine/stage/isal_crypto.h"

namespace ebb {

namespace {

constexpr std::size_t digest_size = 32;
constexpr std::size_t outer_size = PaddedKey::size + digest_size;
static_assert(digest_size == leaf_digest_size);

// A submission that finds all lanes taken hands back a context, so this many are enough.
constexpr std::size_t context_count = ISAL_SHA256_MAX_LANES;

using Context = ISAL_SHA256_HASH_CTX;

class IsalCryptoFingerprinter final : public Fingerprinter {
 public:
  explicit IsalCryptoFingerprinter(const IdKey& key)
      : inner_key_(padded(key, inner_pad)),
        inner_room_(group_blocks * PaddedKey::size + group_message_bytes),
        outer_room_(group_blocks * outer_size) {
    EBB_CHECK(isal_crypto_runs_here(), "isa-l_crypto does not run on this CPU");
    const PaddedKey outer_key = padded(key, outer_pad);
    for (std::size_t i = 0; i < group_blocks; ++i) put(outer_key.reveal(), outer_place(i));
    check(::isal_sha256_ctx_mgr_init(&manager_));
    for (Context& context : contexts_) {
      isal_hash_ctx_init(&context);
      idle_[idle_count_++] = &context;
    }
  }
  ~IsalCryptoFingerprinter() override {
    ::explicit_bzero(&manager_, sizeof manager_);
    ::explicit_bzero(contexts_.data(), sizeof contexts_);
  }
  IsalCryptoFingerprinter(const IsalCryptoFingerprinter&) = delete;
  IsalCryptoFingerprinter& operator=(const IsalCryptoFingerprinter&) = delete;

  void fingerprint(std::span<const Bytes> blocks, std::span<Fingerprint> out) override {
    EBB_CHECK(blocks.size() == out.size(), "one fingerprint a block");
    while (!blocks.empty()) {
      const std::size_t taken = blocks_in_group(blocks);
      digest_leaves(blocks.first(taken));
      digest_inner(blocks.first(taken));
      digest_outer(out.first(taken));
      blocks = blocks.subspan(taken);
      out = out.subspan(taken);
    }
  }

 private:
  // Writes the group's messages: keys and heads here, leaf digests by the lanes.
  void digest_leaves(std::span<const Bytes> blocks) {
    MutableBytes room = inner_room_.room();
    for (const Bytes block : blocks) {
      put(inner_key_.reveal(), room);
      room = room.subspan(PaddedKey::size);
      write_message_head(room, block.size());
      room = room.subspan(message_head_size);
      for (std::size_t leaf = 0; leaf < leaf_count(block.size()); ++leaf) {
        submit(leaf_of(block, leaf), room);
        room = room.subspan(leaf_digest_size);
      }
    }
    finish();
  }

  void digest_inner(std::span<const Bytes> blocks) {
    Bytes rest = inner_room_.reveal();
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::size_t size = PaddedKey::size + message_size(blocks[i].size());
      submit(rest.first(size), outer_place(i).subspan(PaddedKey::size));
      rest = rest.subspan(size);
    }
    finish();
  }

  void digest_outer(std::span<Fingerprint> out) {
    for (std::size_t i = 0; i < out.size(); ++i) submit(outer_place(i), out[i].bytes);
    finish();
  }

  MutableBytes outer_place(std::size_t block) {
    return outer_room_.room().subspan(block * outer_size, outer_size);
  }

  // The digest of `message` will be at the beginning of `room`.
  void submit(Bytes message, MutableBytes room) {
    EBB_CHECK(idle_count_ > 0 && room.size() >= digest_size, "a context and room for a digest");
    Context* const context = idle_[--idle_count_];
    context->user_data = room.data();
    Context* done = nullptr;
    check(::isal_sha256_ctx_mgr_submit(&manager_, context, &done, message.data(),
                                       static_cast<std::uint32_t>(message.size()),
                                       ISAL_HASH_ENTIRE));
    if (done != nullptr) settle(*done);
  }

  void finish() {
    for (;;) {
      Context* done = nullptr;
      check(::isal_sha256_ctx_mgr_flush(&manager_, &done));
      if (done == nullptr) break;
      settle(*done);
    }
    EBB_CHECK(idle_count_ == context_count, "isa-l_crypto lost a context");
  }

  void settle(Context& context) {
    EBB_CHECK(isal_hash_ctx_complete(&context) &&
                  isal_hash_ctx_error(&context) == ISAL_HASH_CTX_ERROR_NONE,
              "isa-l_crypto did not hash what it was given");
    auto* to = static_cast<std::byte*>(context.user_data);
    for (const std::uint32_t word : isal_hash_ctx_digest(&context)) {
      const Be32 stored(word);
      std::memcpy(to, &stored, sizeof stored);
      to += sizeof stored;
    }
    idle_[idle_count_++] = &context;
  }

  static void put(Bytes bytes, MutableBytes room) {
    std::memcpy(room.data(), bytes.data(), bytes.size());
  }
  static void check(int error) { EBB_CHECK(error == 0, "isa-l_crypto refused a call"); }

  // Its vectors want more alignment than some of its versions declare.
  alignas(64) ISAL_SHA256_HASH_CTX_MGR manager_;
  alignas(64) std::array<Context, context_count> contexts_;
  std::array<Context*, context_count> idle_;
  std::size_t idle_count_ = 0;
  PaddedKey inner_key_;
  SecretBuffer inner_room_;
  SecretBuffer outer_room_;
};

}  // namespace

std::unique_ptr<Fingerprinter> make_isal_crypto_fingerprinter(const IdKey& key) {
  return std::make_unique<IsalCryptoFingerprinter>(key);
}

}  // namespace ebb
