// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/rotate.h"

#include <map>

namespace ebb {

namespace {

Keyring copy_of(const Keyring& keyring) {
  Keyring copy;
  copy.authority = keyring.authority.duplicate();
  copy.id_key = keyring.id_key.duplicate();
  for (const HpkeSecretKey& key : keyring.recipients) copy.recipients.push_back(key.duplicate());
  return copy;
}

Result<void> publish(RepositoryAccess& repository, const Keyring& keyring, std::uint64_t generation,
                     Bytes passphrase, const PaperKey& paper, WallTime now,
                     const PassphraseCost& cost) {
  const KeyringName name{repository.config().id, generation};
  KeyringKey key;
  repository.objects().random().fill(key.room());
  const Slot slots[] = {
      TRY(make_passphrase_slot(name, key, passphrase, "passphrase", now,
                               repository.objects().random(), cost)),
      make_paper_slot(name, key, paper, "paper key", now, repository.objects().random())};
  return repository.keys().publish_generation(keyring, name, key, slots);
}

// Nothing when none of the keyring's keys opens it: of a run that was refused, and for nobody then.
Result<std::optional<DataKey>> key_of(KeyStore& keys, const Envelope& envelope,
                                      const Keyring& keyring) {
  auto key = keys.data_key(envelope.data_key, keyring);
  if (key) return std::optional<DataKey>(std::move(*key));
  if (key.error().kind() == ErrorKind::absent) return std::optional<DataKey>();
  return fail(key.error());
}

}  // namespace

Result<RotationReport> rotate_keys(RepositoryAccess& repository, const UnlockedKeyring& old,
                                   Bytes passphrase, WallTime now, const PassphraseCost& cost) {
  KeyStore& keys = repository.keys();
  RotationReport report;
  repository.objects().random().fill(report.paper.room());
  const auto generations = TRY(keys.generations());
  for (const std::uint64_t generation : generations) {
    report.slots_dropped += TRY(keys.slots(generation)).size();
  }
  const std::uint64_t newest = generations.empty() ? 0 : generations.front();

  // All of them are opened before anything is published: what cannot be opened must not be found
  // out half-way.
  std::map<DataKeyId, DataKey> data_keys;
  for (const Envelope& envelope : TRY(keys.all_envelopes())) {
    if (data_keys.contains(envelope.data_key)) continue;
    if (auto key = TRY(key_of(keys, envelope, old.keyring))) {
      data_keys.emplace(envelope.data_key, std::move(*key));
    }
  }

  // A keyring that opens the old envelopes and the new ones, so that no step leaves a gap.
  Keyring both = copy_of(old.keyring);
  both.recipients.push_back(make_hpke_secret_key(repository.objects().random()));
  const HpkePublicKey recipient = hpke_public_key(both.recipients.back());
  TRY(publish(repository, both, newest + 1, passphrase, report.paper, now, cost));

  Members members = TRY(keys.members(verify_key_of(both.authority), &both.id_key));
  members.recipients = {recipient};
  ++members.epoch;
  TRY(keys.publish_members(members, both));

  // Backups that began before that record have published envelopes meanwhile; those that begin now
  // wrap to the new recipient.
  std::vector<Envelope> envelopes = TRY(keys.all_envelopes());
  for (const Envelope& envelope : envelopes) {
    if (envelope.recipient == recipient || data_keys.contains(envelope.data_key)) continue;
    if (auto key = TRY(key_of(keys, envelope, old.keyring))) {
      data_keys.emplace(envelope.data_key, std::move(*key));
    }
  }
  for (const auto& [id, key] : data_keys) {
    TRY(keys.publish_envelope(TRY(
        wrap_data_key(key, id, recipient, repository.config().id, repository.objects().random()))));
  }
  report.data_keys = data_keys.size();

  // Only now may what the old keys open go.
  Keyring only_new;
  only_new.authority = both.authority.duplicate();
  only_new.id_key = both.id_key.duplicate();
  only_new.recipients.push_back(both.recipients.back().duplicate());
  TRY(publish(repository, only_new, newest + 2, passphrase, report.paper, now, cost));
  for (const Envelope& envelope : envelopes) {
    if (envelope.recipient == recipient || !data_keys.contains(envelope.data_key)) continue;
    TRY(keys.remove_envelope(envelope));
  }
  for (const std::uint64_t generation : generations) TRY(keys.remove_generation(generation));
  TRY(keys.remove_generation(newest + 1));
  return report;
}

}  // namespace ebb
