// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/key_store.h"

#include <algorithm>

#include "engine/repo/body.h"

namespace ebb {

namespace {

// Each costs time and memory to try; a hostile repository must not have us try for ever.
constexpr std::size_t max_slots_tried = 64;

}  // namespace

Result<ByteVector> ObjectStore::read(ObjectType type, const std::string& name) {
  const ByteVector file = TRY(read_small_file(files_, loop_, name, max_object_file));
  auto object = TRY(during(unframe_object(type, file), "reading {}", name));
  return std::move(object.body);
}

Result<void> ObjectStore::publish(ObjectType type, const std::string& name, Bytes body) {
  if (body.size() > limits::max_small_object.size()) {
    return fail(Error::invalid("{} would have {} bytes; the bound is {}", name, body.size(),
                               limits::max_small_object.value()));
  }
  return publish_small_file(files_, loop_, name, frame_object(type, body), temporary_name());
}

Result<std::vector<std::string>> ObjectStore::list(const std::string& folder, bool folders) {
  auto entries = files_.list(folder);
  if (!entries && entries.error().kind() == ErrorKind::absent) return std::vector<std::string>{};
  std::vector<std::string> names;
  for (Files::Entry& entry : TRY(std::move(entries))) {
    if (entry.is_folder == folders) names.push_back(std::move(entry.name));
  }
  return names;
}

std::string ObjectStore::temporary_name() {
  return std::string(layout::temporary) + "/" + random_.name<PackId>().hex();
}

Result<std::vector<std::uint64_t>> KeyStore::generations() {
  std::vector<std::uint64_t> numbers;
  for (const std::string& name : TRY(objects_.list(layout::keys, true))) {
    if (const auto number = layout::number_of(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers, std::greater{});
  return numbers;
}

Result<std::vector<Slot>> KeyStore::slots(std::uint64_t generation) {
  std::vector<Slot> slots;
  const std::string folder = layout::keyring_folder(generation);
  for (const std::string& name : TRY(objects_.list(folder))) {
    if (!name.starts_with("slot-")) continue;
    const ByteVector body = TRY(objects_.read(ObjectType::slot, folder + "/" + name));
    slots.push_back(TRY(during(unpack_slot(body), "reading {}/{}", folder, name)));
  }
  std::ranges::sort(slots, {}, &Slot::created);
  return slots;
}

Result<UnlockedKeyring> KeyStore::unlock(Bytes passphrase) {
  std::optional<Error> damage;
  std::size_t tried = 0;
  for (const std::uint64_t generation : TRY(generations())) {
    const KeyringName name{repository_, generation};
    const std::string folder = layout::keyring_folder(generation);
    for (const std::string& file : TRY(objects_.list(folder))) {
      if (!file.starts_with("slot-")) continue;
      // One damaged slot must not keep the others from opening.
      auto body = objects_.read(ObjectType::slot, folder + "/" + file);
      auto slot = body ? unpack_slot(*body) : Result<Slot>(fail(body.error()));
      if (!slot) {
        damage = slot.error();
        continue;
      }
      if (++tried > max_slots_tried) {
        return fail(Error::invalid("the repository has more key slots than any has"));
      }
      auto key = open_slot(*slot, name, passphrase);
      if (!key && key.error().kind() != ErrorKind::mismatch) return fail(key.error());
      if (!key) continue;
      const ByteVector sealed =
          TRY(objects_.read(ObjectType::keyring, layout::keyring(generation)));
      Keyring keyring = TRY(open_keyring(sealed, name, *key));
      return UnlockedKeyring{name, std::move(*key), std::move(keyring)};
    }
  }
  if (damage) return fail(damage->during("no slot opened, and one is damaged"));
  return fail(Error::mismatch("the passphrase (or paper key) opens no slot of this repository"));
}

Result<void> KeyStore::publish_generation(const Keyring& keyring, const KeyringName& name,
                                          const KeyringKey& key, std::span<const Slot> slots) {
  // Written under a temporary folder; its rename makes the generation appear as a whole.
  Files& files = objects_.files();
  const std::string building = objects_.temporary_name();
  TRY(files.make_folder(building));
  const auto write = [&](ObjectType type, const std::string& file, Bytes body) {
    return publish_small_file(files, objects_.loop(), building + "/" + file,
                              frame_object(type, body), building + "/new");
  };
  TRY(write(ObjectType::keyring, "keyring", seal_keyring(keyring, name, key, objects_.random())));
  for (const Slot& slot : slots) {
    TRY(write(ObjectType::slot, "slot-" + slot.id.hex(), pack_slot(slot)));
  }
  TRY(files.rename(building, layout::keyring_folder(name.generation)));
  return files.sync_folder(layout::keys);
}

Result<void> KeyStore::add_slot(std::uint64_t generation, const Slot& slot) {
  return objects_.publish(ObjectType::slot, layout::slot(generation, slot.id), pack_slot(slot));
}

Result<void> KeyStore::remove_slot(std::uint64_t generation, const SlotId& slot) {
  const auto all = TRY(slots(generation));
  if (std::ranges::find(all, slot, &Slot::id) == all.end()) {
    return fail(Error::absent("there is no key slot {}", slot.hex()));
  }
  if (all.size() == 1) {
    return fail(
        Error::invalid("slot {} is the last one; add another before removing it, or "
                       "nobody can open this repository again",
                       slot.hex()));
  }
  TRY(objects_.files().remove(layout::slot(generation, slot)));
  return objects_.files().sync_folder(layout::keyring_folder(generation));
}

Result<void> KeyStore::remove_generation(std::uint64_t generation) {
  const std::string folder = layout::keyring_folder(generation);
  for (const std::string& file : TRY(objects_.list(folder))) {
    TRY(objects_.files().remove(folder + "/" + file));
  }
  TRY(objects_.files().remove(folder));
  return objects_.files().sync_folder(layout::keys);
}

Result<Members> KeyStore::members(const VerifyKey& authority, const IdKey* id_key) {
  const auto names = TRY(objects_.list(layout::members));
  std::optional<std::uint64_t> newest;
  for (const std::string& name : names) {
    const auto number = layout::number_of(name);
    if (number && (!newest || *number > *newest)) newest = number;
  }
  if (!newest) return fail(Error::absent("the repository has no members record"));
  const ByteVector body = TRY(objects_.read(ObjectType::members, layout::members_record(*newest)));
  Members members = TRY(open_members(body, repository_, authority, id_key));
  if (members.epoch != *newest) {
    return fail(Error::damaged("members record {} says that it is {}", *newest, members.epoch));
  }
  return members;
}

Result<void> KeyStore::publish_members(const Members& members, const Keyring& keyring) {
  return objects_.publish(
      ObjectType::members, layout::members_record(members.epoch),
      sign_members(members, keyring.authority, keyring.id_key, objects_.random()));
}

Result<void> KeyStore::publish_envelope(const Envelope& envelope) {
  const std::string name = layout::envelope(envelope.data_key, envelope.recipient);
  ByteVector body = pack_envelope(envelope);
  const auto there = objects_.read(ObjectType::envelope, name);
  if (there && same_bytes(*there, body)) return {};
  // Packs that were sealed by that key would be noise from then on.
  if (there) return fail(Error::denied("another envelope of this data key is there already"));
  return objects_.publish(ObjectType::envelope, name, std::move(body));
}

Result<std::vector<Envelope>> KeyStore::all_envelopes() {
  std::vector<Envelope> all;
  for (const std::string& name : TRY(objects_.list(layout::envelopes))) {
    const std::string path = std::string(layout::envelopes) + "/" + name;
    const auto body = objects_.read(ObjectType::envelope, path);
    // A collection has removed it since.
    if (!body && body.error().kind() == ErrorKind::absent) continue;
    if (!body) return fail(body.error());
    all.push_back(TRY(during(unpack_envelope(*body), "reading {}", path)));
  }
  return all;
}

Result<DataKey> KeyStore::data_key(const DataKeyId& id, const Keyring& keyring) {
  std::optional<Error> trouble;
  // The newest recipient first: after a rotation only its envelopes are left.
  for (auto key = keyring.recipients.rbegin(); key != keyring.recipients.rend(); ++key) {
    const auto body =
        objects_.read(ObjectType::envelope, layout::envelope(id, hpke_public_key(*key)));
    if (!body) {
      if (body.error().kind() != ErrorKind::absent) trouble = body.error();
      continue;
    }
    const auto envelope = TRY(unpack_envelope(*body));
    if (envelope.data_key != id) {
      return fail(Error::damaged("the envelope of data key {} is another one's", id.hex()));
    }
    return open_data_key(envelope, *key, repository_);
  }
  if (trouble) return fail(*trouble);
  return fail(Error::absent("data key {} has no envelope for a key of this repository", id.hex()));
}

Result<void> KeyStore::remove_envelope(const Envelope& envelope) {
  return objects_.files().remove(layout::envelope(envelope.data_key, envelope.recipient));
}

}  // namespace ebb
