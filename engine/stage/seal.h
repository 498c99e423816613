// SPDX-License-Identifier: Apache-2.0
// seal.h - the one door between plain and sealed blocks: AES-256-GCM.
//
// A data key lives for one run, and each record of the run has its own counter, so no nonce is ever
// used twice under a key; whoever owns the key owns the counter. The context (record_context.h) is
// authenticated with the bytes. NIST SP 800-38D.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"
#include "engine/stage/backend.h"
#include "engine/stage/record_context.h"

namespace ebb {

class GcmKernel;

using DataKey = Secret<32, struct DataKeyTag>;

inline constexpr std::size_t tag_size = 16;
inline constexpr std::size_t record_nonce_size = 12;

struct RecordNonce {
  std::uint64_t counter = 0;
  // Four zero bytes and the counter, little-endian.
  std::array<std::byte, record_nonce_size> bytes() const;
};

// A data key, expanded. Its methods may be called by many threads at once.
class RecordCipher {
 public:
  RecordCipher(CryptoBackend backend, const DataKey& key);
  ~RecordCipher();
  RecordCipher(const RecordCipher&) = delete;
  RecordCipher& operator=(const RecordCipher&) = delete;

  // Ciphertext and tag into `room`, which has exactly plain.size() + tag_size bytes and either does
  // not overlap `plain` or begins where it begins. `invalid` when its length is another.
  Result<void> seal(Bytes plain, RecordNonce nonce, const RecordContext& context,
                    MutableBytes room) const;
  // The plain bytes into `room`, which has exactly sealed.size() - tag_size bytes and lies as
  // above. `damaged` when the tag does not match; then `room` holds zeroes.
  Result<void> open(Bytes sealed, RecordNonce nonce, const RecordContext& context,
                    MutableBytes room) const;

 private:
  std::unique_ptr<const GcmKernel> kernel_;
};

// `backend` is one of usable_backends().
std::unique_ptr<RecordCipher> make_record_cipher(CryptoBackend backend, const DataKey& key);

}  // namespace ebb
