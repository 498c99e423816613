// SPDX-License-Identifier: Apache-2.0
// fingerprint_ipsec_mb.cc - fingerprints on the multi-buffer SHA-256 of intel-ipsec-mb.
//
// The blocks of a call are taken in groups as large as the message room. In a group, first the
// leaves of all blocks go through the lanes, whatever block they belong to, then all the HMACs; so
// lanes run empty only at the two ends of a group, and a batch of 1 MiB is one group.
//
// The job interface says no only through a job's status and the manager's error number, and then
// leaves the output as it was: every job's status is checked, jobs are counted in and out, and each
// length is far below the 65,534 bytes that the library can count.
#include <vector>

#include "engine/stage/fingerprint_backends.h"
#include "engine/stage/ipsec_mb.h"

namespace ebb {

namespace {

constexpr std::size_t lane_length_limit = 65534;
static_assert(fingerprint_leaf.size() <= lane_length_limit);
static_assert(max_message_size <= lane_length_limit);

using HashedPad = Secret<32, struct HashedPadTag>;

class IpsecMbFingerprinter final : public Fingerprinter {
 public:
  explicit IpsecMbFingerprinter(const IdKey& key)
      : manager_(make_ipsec_mb_manager()), messages_(group_message_bytes) {
    EBB_CHECK(manager_, "intel-ipsec-mb does not run on this CPU");
    hash_pad(padded(key, inner_pad), inner_);
    hash_pad(padded(key, outer_pad), outer_);
  }

  void fingerprint(std::span<const Bytes> blocks, std::span<Fingerprint> out) override {
    EBB_CHECK(blocks.size() == out.size(), "one fingerprint a block");
    while (!blocks.empty()) {
      const std::size_t taken = blocks_in_group(blocks);
      digest_leaves(blocks.first(taken));
      authenticate_messages(blocks.first(taken), out.first(taken));
      blocks = blocks.subspan(taken);
      out = out.subspan(taken);
    }
  }

 private:
  void hash_pad(const PaddedKey& block, HashedPad& into) {
    IMB_SHA256_ONE_BLOCK(manager_.get(), block.reveal().data(), into.room().data());
  }

  // Writes the group's messages: heads here, leaf digests by the lanes.
  void digest_leaves(std::span<const Bytes> blocks) {
    MutableBytes room = messages_;
    for (const Bytes block : blocks) {
      write_message_head(room, block.size());
      room = room.subspan(message_head_size);
      for (std::size_t leaf = 0; leaf < leaf_count(block.size()); ++leaf) {
        submit(IMB_AUTH_SHA_256, leaf_of(block, leaf), room.first(leaf_digest_size));
        room = room.subspan(leaf_digest_size);
      }
    }
    finish();
  }

  void authenticate_messages(std::span<const Bytes> blocks, std::span<Fingerprint> out) {
    Bytes rest = messages_;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::size_t size = message_size(blocks[i].size());
      submit(IMB_AUTH_HMAC_SHA_256, rest.first(size), out[i].bytes);
      rest = rest.subspan(size);
    }
    finish();
  }

  void submit(IMB_HASH_ALG algorithm, Bytes message, MutableBytes digest) {
    IMB_JOB* const job = IMB_GET_NEXT_JOB(manager_.get());
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_alg = algorithm;
    job->src = reinterpret_cast<const std::uint8_t*>(message.data());
    job->hash_start_src_offset_in_bytes = 0;
    job->msg_len_to_hash_in_bytes = message.size();
    job->auth_tag_output = reinterpret_cast<std::uint8_t*>(digest.data());
    job->auth_tag_output_len_in_bytes = digest.size();
    job->u.HMAC._hashed_auth_key_xor_ipad =
        reinterpret_cast<const std::uint8_t*>(inner_.reveal().data());
    job->u.HMAC._hashed_auth_key_xor_opad =
        reinterpret_cast<const std::uint8_t*>(outer_.reveal().data());
    ++pending_;
    for (IMB_JOB* done = IMB_SUBMIT_JOB(manager_.get()); done != nullptr;
         done = IMB_GET_COMPLETED_JOB(manager_.get())) {
      settle(*done);
    }
    EBB_CHECK(manager_->imb_errno == 0, ::imb_get_strerror(manager_->imb_errno));
  }

  void finish() {
    while (IMB_JOB* const done = IMB_FLUSH_JOB(manager_.get())) settle(*done);
    EBB_CHECK(manager_->imb_errno == 0, ::imb_get_strerror(manager_->imb_errno));
    EBB_CHECK(pending_ == 0, "intel-ipsec-mb lost a job");
  }

  void settle(const IMB_JOB& job) {
    EBB_CHECK(job.status == IMB_STATUS_COMPLETED, "intel-ipsec-mb did not hash what it was given");
    --pending_;
  }

  IpsecMbManager manager_;
  HashedPad inner_;  // SHA-256 states after the padded keys; nothing but the key gives them.
  HashedPad outer_;
  ByteVector messages_;
  std::size_t pending_ = 0;
};

}  // namespace

std::unique_ptr<Fingerprinter> make_ipsec_mb_fingerprinter(const IdKey& key) {
  return std::make_unique<IpsecMbFingerprinter>(key);
}

}  // namespace ebb
