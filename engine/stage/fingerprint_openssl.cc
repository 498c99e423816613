// SPDX-License-Identifier: Apache-2.0
// fingerprint_openssl.cc - fingerprints one stream at a time, on OpenSSL's SHA-256.
//
// One digest context is used for everything. The padded keys are fed as plain blocks: two more
// compressions a block than keeping their hashed state, which EVP can only copy by allocating.
#include "engine/crypto/evp.h"
#include "engine/stage/fingerprint_backends.h"

namespace ebb {

namespace {

class OpensslFingerprinter final : public Fingerprinter {
 public:
  explicit OpensslFingerprinter(const IdKey& key)
      : inner_key_(padded(key, inner_pad)),
        outer_key_(padded(key, outer_pad)),
        context_(EVP_MD_CTX_new()) {
    EBB_CHECK(context_, "out of memory");
  }

  void fingerprint(std::span<const Bytes> blocks, std::span<Fingerprint> out) override {
    EBB_CHECK(blocks.size() == out.size(), "one fingerprint a block");
    for (std::size_t i = 0; i < blocks.size(); ++i) fingerprint_one(blocks[i], out[i]);
  }

 private:
  void fingerprint_one(Bytes block, Fingerprint& out) {
    check_block(block);
    const MutableBytes message = MutableBytes(message_).first(message_size(block.size()));
    write_message_head(message, block.size());
    for (std::size_t leaf = 0; leaf < leaf_count(block.size()); ++leaf) {
      digest(leaf_of(block, leaf), {},
             message.subspan(message_head_size + leaf * leaf_digest_size, leaf_digest_size));
    }
    std::array<std::byte, 32> inner;
    digest(inner_key_.reveal(), message, inner);
    digest(outer_key_.reveal(), inner, out.bytes);
  }

  void digest(Bytes first, Bytes second, MutableBytes room) {
    EVP_MD_CTX* const c = context_.get();
    EBB_EVP_CHECK(EVP_DigestInit_ex2(c, evp::sha256(), nullptr));
    EBB_EVP_CHECK(EVP_DigestUpdate(c, first.data(), first.size()));
    if (!second.empty()) EBB_EVP_CHECK(EVP_DigestUpdate(c, second.data(), second.size()));
    EBB_EVP_CHECK(EVP_DigestFinal_ex(c, evp::raw_room(room), nullptr));
  }

  PaddedKey inner_key_;
  PaddedKey outer_key_;
  evp::MdContext context_;
  std::array<std::byte, max_message_size> message_;
};

}  // namespace

std::unique_ptr<Fingerprinter> make_openssl_fingerprinter(const IdKey& key) {
  return std::make_unique<OpensslFingerprinter>(key);
}

}  // namespace ebb
