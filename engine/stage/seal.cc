// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/seal.h"

#include <algorithm>

#include "engine/stage/gcm_kernel.h"

namespace ebb {

static_assert(tag_size == GcmKernel::tag_size);
static_assert(record_nonce_size == GcmKernel::nonce_size);

std::array<std::byte, record_nonce_size> RecordNonce::bytes() const {
  std::array<std::byte, record_nonce_size> nonce{};
  const Le64 stored(counter);
  std::memcpy(nonce.data() + 4, &stored, sizeof stored);
  return nonce;
}

RecordCipher::RecordCipher(CryptoBackend backend, const DataKey& key)
    : kernel_(make_gcm_kernel(backend, key.reveal())) {}
RecordCipher::~RecordCipher() = default;

Result<void> RecordCipher::seal(Bytes plain, RecordNonce nonce, const RecordContext& context,
                                MutableBytes room) const {
  if (room.size() != plain.size() + tag_size) {
    return fail(Error::invalid("sealing {} bytes into {}", plain.size(), room.size()));
  }
  const AssociatedData aad(context);
  kernel_->encrypt(plain, nonce.bytes(), aad.view(), room.first(plain.size()), room.last(tag_size));
  return {};
}

Result<void> RecordCipher::open(Bytes sealed, RecordNonce nonce, const RecordContext& context,
                                MutableBytes room) const {
  if (sealed.size() < tag_size) {
    return fail(Error::damaged("a record of {} bytes has no tag", sealed.size()));
  }
  const Bytes ciphertext = sealed.first(sealed.size() - tag_size);
  if (room.size() != ciphertext.size()) {
    return fail(Error::invalid("opening {} bytes into {}", ciphertext.size(), room.size()));
  }
  const AssociatedData aad(context);
  if (!kernel_->decrypt(ciphertext, nonce.bytes(), aad.view(), sealed.last(tag_size), room)) {
    std::fill(room.begin(), room.end(), std::byte{0});
    return fail(Error::damaged("the tag of record {} of its run does not match", nonce.counter));
  }
  return {};
}

std::unique_ptr<RecordCipher> make_record_cipher(CryptoBackend backend, const DataKey& key) {
  return std::make_unique<RecordCipher>(backend, key);
}

}  // namespace ebb
