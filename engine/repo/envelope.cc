// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/envelope.h"

#include <algorithm>

#include "engine/repo/body.h"

namespace ebb {

namespace {

ByteVector info_for(const RepositoryId& repository) {
  return BodyWriter().raw(bytes_of("ebb data key 1")).raw(repository.view()).take();
}

}  // namespace

Result<Envelope> wrap_data_key(const DataKey& key, const DataKeyId& id,
                               const HpkePublicKey& recipient, const RepositoryId& repository,
                               Random& random) {
  const HpkeSealed sealed =
      TRY(hpke_seal(recipient, info_for(repository), id.view(), key.reveal(), random));
  Envelope envelope{id, recipient, sealed.enc, {}};
  EBB_CHECK(sealed.ciphertext.size() == envelope.wrapped.size(), "a key of 32 bytes and a tag");
  std::ranges::copy(sealed.ciphertext, envelope.wrapped.begin());
  return envelope;
}

Result<DataKey> open_data_key(const Envelope& envelope, const HpkeSecretKey& key,
                              const RepositoryId& repository) {
  if (hpke_public_key(key) != envelope.recipient) {
    return fail(Error::mismatch("data key {} is wrapped to another recipient's key",
                                envelope.data_key.hex()));
  }
  const SecretBuffer plain = TRY(during(hpke_open(key, envelope.enc, info_for(repository),
                                                  envelope.data_key.view(), envelope.wrapped),
                                        "opening data key {}", envelope.data_key.hex()));
  return DataKey(plain.reveal().first<DataKey::size>());
}

ByteVector pack_envelope(const Envelope& envelope) {
  return BodyWriter()
      .raw(envelope.data_key.view())
      .raw(envelope.recipient.view())
      .raw(envelope.enc)
      .raw(envelope.wrapped)
      .take();
}

Result<Envelope> unpack_envelope(Bytes body) {
  BodyReader reader(body);
  Envelope envelope;
  envelope.data_key = TRY(reader.name<DataKeyId>());
  envelope.recipient = TRY(reader.name<HpkePublicKey>());
  std::ranges::copy(TRY(reader.raw(envelope.enc.size())), envelope.enc.begin());
  std::ranges::copy(TRY(reader.raw(envelope.wrapped.size())), envelope.wrapped.begin());
  TRY(reader.end());
  return envelope;
}

}  // namespace ebb
