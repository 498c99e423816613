// SPDX-License-Identifier: Apache-2.0
// envelope.h - the data key of one run, wrapped to one recipient (HPKE, RFC 9180, base mode).
#pragma once

#include "engine/crypto/hpke.h"
#include "engine/repo/ids.h"
#include "engine/stage/seal.h"

namespace ebb {

struct Envelope {
  DataKeyId data_key;
  HpkePublicKey recipient;
  std::array<std::byte, 32> enc{};
  std::array<std::byte, 48> wrapped{};
};

Result<Envelope> wrap_data_key(const DataKey& key, const DataKeyId& id,
                               const HpkePublicKey& recipient, const RepositoryId& repository,
                               Random& random);
// Mismatch when it is wrapped to another key than this one; damaged when it was tampered with.
Result<DataKey> open_data_key(const Envelope& envelope, const HpkeSecretKey& key,
                              const RepositoryId& repository);

ByteVector pack_envelope(const Envelope& envelope);
Result<Envelope> unpack_envelope(Bytes body);

}  // namespace ebb
