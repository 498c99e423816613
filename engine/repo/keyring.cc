// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/keyring.h"

#include "devmap/core/limits.h"
#include "engine/crypto/aead.h"
#include "engine/repo/body.h"

namespace ebb {

namespace {

constexpr std::uint32_t max_recipients_kept = 64;

ByteVector keyring_context(const KeyringName& name) {
  return BodyWriter()
      .raw(bytes_of("ebb keyring 1"))
      .raw(name.repository.view())
      .u64(name.generation)
      .take();
}

ByteVector slot_context(const KeyringName& name, const Slot& slot) {
  return BodyWriter()
      .raw(bytes_of("ebb slot 1"))
      .raw(name.repository.view())
      .u64(name.generation)
      .raw(slot.id.view())
      .u8(static_cast<std::uint8_t>(slot.kind))
      .take();
}

}  // namespace

Keyring Keyring::make(Random& random) {
  Keyring keyring;
  keyring.authority = make_signing_seed(random);
  random.fill(keyring.id_key.room());
  keyring.recipients.push_back(make_hpke_secret_key(random));
  return keyring;
}

ByteVector seal_keyring(const Keyring& keyring, const KeyringName& name, const KeyringKey& key,
                        Random& random) {
  SecretBuffer plain(SigningSeed::size + IdKey::size + sizeof(Le32) +
                     HpkeSecretKey::size * keyring.recipients.size());
  std::byte* at = plain.room().data();
  const auto put = [&](Bytes bytes) {
    std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
  };
  put(keyring.authority.reveal());
  put(keyring.id_key.reveal());
  put(bytes_of_struct(Le32(static_cast<std::uint32_t>(keyring.recipients.size()))));
  for (const HpkeSecretKey& recipient : keyring.recipients) put(recipient.reveal());

  std::array<std::byte, aead_nonce_size> nonce{};
  random.fill(nonce);
  const auto sealed = aead_seal(key.reveal(), nonce, keyring_context(name), plain.reveal());
  EBB_CHECK(sealed.has_value(), "sealing a small object cannot fail");
  return BodyWriter().raw(nonce).sized(*sealed).take();
}

Result<Keyring> open_keyring(Bytes body, const KeyringName& name, const KeyringKey& key) {
  BodyReader reader(body);
  const Bytes nonce = TRY(reader.raw(aead_nonce_size));
  const Bytes sealed = TRY(reader.sized(limits::max_small_object.size()));
  TRY(reader.end());
  const SecretBuffer plain = TRY(
      during(aead_open(key.reveal(), nonce, keyring_context(name), sealed), "opening the keyring"));
  BodyReader secrets(plain.reveal());
  Keyring keyring;
  keyring.authority = SigningSeed(TRY(secrets.raw(SigningSeed::size)).first<SigningSeed::size>());
  keyring.id_key = IdKey(TRY(secrets.raw(IdKey::size)).first<IdKey::size>());
  const std::uint32_t count = TRY(secrets.u32());
  if (count == 0 || count > max_recipients_kept) {
    return fail(Error::damaged("the keyring holds {} keys", count));
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    keyring.recipients.emplace_back(
        TRY(secrets.raw(HpkeSecretKey::size)).first<HpkeSecretKey::size>());
  }
  TRY(secrets.end());
  return keyring;
}

ByteVector pack_slot(const Slot& slot) {
  return BodyWriter()
      .raw(slot.id.view())
      .u8(static_cast<std::uint8_t>(slot.kind))
      .u64(static_cast<std::uint64_t>(slot.created.nanoseconds))
      .sized(bytes_of(slot.label))
      .u32(slot.cost.memory_kib)
      .u32(slot.cost.passes)
      .u32(slot.cost.lanes)
      .raw(slot.salt)
      .raw(slot.nonce)
      .raw(slot.wrapped)
      .take();
}

Result<Slot> unpack_slot(Bytes body) {
  BodyReader reader(body);
  Slot slot;
  slot.id = TRY(reader.name<SlotId>());
  const std::uint8_t kind = TRY(reader.u8());
  if (kind != 1 && kind != 2) return fail(Error::invalid("a key slot of unknown kind {}", kind));
  slot.kind = static_cast<SlotKind>(kind);
  slot.created.nanoseconds = static_cast<std::int64_t>(TRY(reader.u64()));
  slot.label = std::string(text_of(TRY(reader.sized(limits::max_name_bytes))));
  slot.cost.memory_kib = TRY(reader.u32());
  slot.cost.passes = TRY(reader.u32());
  slot.cost.lanes = TRY(reader.u32());
  std::ranges::copy(TRY(reader.raw(slot.salt.size())), slot.salt.begin());
  std::ranges::copy(TRY(reader.raw(slot.nonce.size())), slot.nonce.begin());
  std::ranges::copy(TRY(reader.raw(slot.wrapped.size())), slot.wrapped.begin());
  TRY(reader.end());
  return slot;
}

namespace {

// The key that wraps the keyring key in a slot.
Result<PassphraseKey> wrapping_key(const Slot& slot, Bytes passphrase) {
  if (slot.kind == SlotKind::passphrase) return derive(passphrase, slot.salt, slot.cost);
  const auto paper = paper_key_of(text_of(passphrase));
  if (!paper) return fail(Error::mismatch("this is no paper key"));
  PassphraseKey key;
  PassphraseKey extracted;
  hkdf_sha256_extract(extracted.room(), slot.salt, {paper->reveal()});
  hkdf_sha256_expand(key.room(), extracted.reveal(), {bytes_of("ebb paper key 1")});
  return key;
}

void wrap(Slot& slot, const KeyringName& name, const KeyringKey& key, const PassphraseKey& by) {
  const auto wrapped = aead_seal(by.reveal(), slot.nonce, slot_context(name, slot), key.reveal());
  EBB_CHECK(wrapped.has_value() && wrapped->size() == slot.wrapped.size(),
            "sealing a small object cannot fail");
  std::ranges::copy(*wrapped, slot.wrapped.begin());
}

Slot empty_slot(SlotKind kind, std::string label, WallTime now, Random& random) {
  Slot slot;
  slot.id = random.name<SlotId>();
  slot.kind = kind;
  slot.created = now;
  slot.label = std::move(label);
  random.fill(slot.salt);
  random.fill(slot.nonce);
  return slot;
}

}  // namespace

Result<Slot> make_passphrase_slot(const KeyringName& name, const KeyringKey& key, Bytes passphrase,
                                  std::string label, WallTime now, Random& random,
                                  const PassphraseCost& cost) {
  if (label.size() > limits::max_name_bytes) {
    return fail(
        Error::invalid("a label of {} bytes, more than {}", label.size(), limits::max_name_bytes));
  }
  Slot slot = empty_slot(SlotKind::passphrase, std::move(label), now, random);
  slot.cost = cost;
  const PassphraseKey by = TRY(derive(passphrase, slot.salt, slot.cost));
  wrap(slot, name, key, by);
  return slot;
}

Slot make_paper_slot(const KeyringName& name, const KeyringKey& key, const PaperKey& paper,
                     std::string label, WallTime now, Random& random) {
  Slot slot = empty_slot(SlotKind::paper, std::move(label), now, random);
  slot.cost = {0, 0, 0};
  const auto by = wrapping_key(slot, bytes_of(paper_key_text(paper)));
  EBB_CHECK(by.has_value(), "a paper key reads its own text");
  wrap(slot, name, key, *by);
  return slot;
}

Result<KeyringKey> open_slot(const Slot& slot, const KeyringName& name, Bytes passphrase) {
  const PassphraseKey by = TRY(wrapping_key(slot, passphrase));
  const auto plain = aead_open(by.reveal(), slot.nonce, slot_context(name, slot), slot.wrapped);
  if (!plain) return fail(Error::mismatch("the passphrase does not open slot {}", slot.id.hex()));
  return KeyringKey(plain->reveal().first<KeyringKey::size>());
}

}  // namespace ebb
