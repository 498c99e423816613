// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/rotate.h"

#include <set>

namespace ebb {

namespace {

Keyring copy_of(const Keyring& keyring) {
  Keyring copy;
  copy.authority = keyring.authority.duplicate();
  copy.id_key = keyring.id_key.duplicate();
  for (const HpkeSecretKey& key : keyring.recipients) copy.recipients.push_back(key.duplicate());
  return copy;
}

Result<void> publish(Repository& repository, const Keyring& keyring, std::uint64_t generation,
                     Bytes passphrase, const PaperKey& paper, WallTime now,
                     const PassphraseCost& cost) {
  const KeyringName name{repository.config().id, generation};
  KeyringKey key;
  repository.random().fill(key.room());
  const Slot slots[] = {TRY(make_passphrase_slot(name, key, passphrase, "passphrase", now,
                                                 repository.random(), cost)),
                        make_paper_slot(name, key, paper, "paper key", now, repository.random())};
  return repository.keys().publish_generation(keyring, name, key, slots);
}

}  // namespace

Result<RotationReport> rotate_keys(Repository& repository, const UnlockedKeyring& old,
                                   Bytes passphrase, WallTime now, const PassphraseCost& cost) {
  KeyStore& keys = repository.keys();
  RotationReport report;
  repository.random().fill(report.paper.room());
  const auto generations = TRY(keys.generations());
  for (const std::uint64_t generation : generations) {
    report.slots_dropped += TRY(keys.slots(generation)).size();
  }
  const std::uint64_t newest = generations.empty() ? 0 : generations.front();

  // A keyring that opens the old envelopes and the new ones, so that no step leaves a gap.
  Keyring both = copy_of(old.keyring);
  both.recipients.push_back(make_hpke_secret_key(repository.random()));
  const HpkePublicKey recipient = hpke_public_key(both.recipients.back());
  TRY(publish(repository, both, newest + 1, passphrase, report.paper, now, cost));

  Members members = TRY(keys.members(verify_key_of(both.authority), &both.id_key));
  members.recipients = {recipient};
  ++members.epoch;
  TRY(keys.publish_members(members, both));

  const std::vector<Envelope> envelopes = TRY(keys.all_envelopes());
  std::set<DataKeyId> wrapped;
  for (const Envelope& envelope : envelopes) {
    if (wrapped.contains(envelope.data_key)) continue;
    const DataKey key = TRY(keys.data_key(envelope.data_key, both));
    TRY(keys.publish_envelope(TRY(wrap_data_key(key, envelope.data_key, recipient,
                                                repository.config().id, repository.random()))));
    wrapped.insert(envelope.data_key);
  }
  report.data_keys = wrapped.size();

  // Only now may what the old keys open go.
  Keyring only_new;
  only_new.authority = both.authority.duplicate();
  only_new.id_key = both.id_key.duplicate();
  only_new.recipients.push_back(both.recipients.back().duplicate());
  TRY(publish(repository, only_new, newest + 2, passphrase, report.paper, now, cost));
  for (const Envelope& envelope : envelopes) {
    if (envelope.recipient != recipient) TRY(keys.remove_envelope(envelope));
  }
  for (const std::uint64_t generation : generations) TRY(keys.remove_generation(generation));
  TRY(keys.remove_generation(newest + 1));
  return report;
}

}  // namespace ebb
