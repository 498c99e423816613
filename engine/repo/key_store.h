// SPDX-License-Identifier: Apache-2.0
// key_store.h - the keys of a repository as they lie in it: keyring, slots, members, envelopes.
//
// Everything here is published whole or not at all. A rotation publishes the new before it removes
// the old, so a crash at any step leaves a repository that one of both generations opens.
#pragma once

#include <optional>

#include "engine/file/files.h"
#include "engine/repo/envelope.h"
#include "engine/repo/layout.h"
#include "engine/repo/members.h"
#include "engine/repo/object_frame.h"

namespace ebb {

// Reads, unframes and publishes the small objects of a repository.
class ObjectStore {
 public:
  ObjectStore(Files& files, Loop& loop, Random& random)
      : files_(files), loop_(loop), random_(random) {}
  Result<ByteVector> read(ObjectType type, const std::string& name);
  Result<void> publish(ObjectType type, const std::string& name, Bytes body);
  // Names in a folder that are files; empty when there is no such folder.
  Result<std::vector<std::string>> list(const std::string& folder, bool folders = false);
  Files& files() { return files_; }
  Loop& loop() { return loop_; }
  Random& random() { return random_; }
  // For a file that is not yet published.
  std::string temporary_name();

 private:
  Files& files_;
  Loop& loop_;
  Random& random_;
};

struct UnlockedKeyring {
  KeyringName name;
  KeyringKey key;
  Keyring keyring;
};

class KeyStore {
 public:
  KeyStore(ObjectStore& objects, RepositoryId repository)
      : objects_(objects), repository_(repository) {}

  // Generations that are there, newest first.
  Result<std::vector<std::uint64_t>> generations();
  Result<std::vector<Slot>> slots(std::uint64_t generation);
  // Tries the passphrase (or paper key) on every slot, newest generation first. Mismatch when none
  // opens.
  Result<UnlockedKeyring> unlock(Bytes passphrase);

  // Publishes a whole new generation: keyring and slots, in one rename.
  Result<void> publish_generation(const Keyring& keyring, const KeyringName& name,
                                  const KeyringKey& key, std::span<const Slot> slots);
  Result<void> add_slot(std::uint64_t generation, const Slot& slot);
  // Invalid when it is the last one.
  Result<void> remove_slot(std::uint64_t generation, const SlotId& slot);
  Result<void> remove_generation(std::uint64_t generation);

  // The newest members record, checked against the authority.
  Result<Members> members(const VerifyKey& authority, const IdKey* id_key);
  Result<void> publish_members(const Members& members, const Keyring& keyring);

  // Denied when it would replace another envelope of the same data key and recipient.
  Result<void> publish_envelope(const Envelope& envelope);
  Result<std::vector<Envelope>> all_envelopes();
  // Opens the data key with any of the keyring's recipients; absent when there is no envelope.
  Result<DataKey> data_key(const DataKeyId& id, const Keyring& keyring);
  Result<void> remove_envelope(const Envelope& envelope);

 private:
  ObjectStore& objects_;
  RepositoryId repository_;
};

}  // namespace ebb
