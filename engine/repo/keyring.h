// SPDX-License-Identifier: Apache-2.0
// keyring.h - the secrets of a repository, and the slots that open them.
//
// The keyring holds what only the owner of the repository may have: the authority's signing seed,
// the id key, and the secret keys that open data keys. It lies in the repository, sealed by a
// keyring key; each slot wraps that key by a passphrase (argon2id) or a paper key, as LUKS does.
// docs/format/keys.md is the reference; docs/threat-model.md says who can do what with which key.
#pragma once

#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "devmap/core/random.h"
#include "engine/crypto/hpke.h"
#include "engine/crypto/passphrase.h"
#include "engine/crypto/signature.h"
#include "engine/repo/ids.h"

namespace ebb {

struct Keyring {
  SigningSeed authority;                  // Signs members records.
  IdKey id_key;                           // Fingerprints, volume ids, labels.
  std::vector<HpkeSecretKey> recipients;  // Open data keys; the newest last.

  static Keyring make(Random& random);
};

using KeyringKey = Secret<32, struct KeyringKeyTag>;

// Which keyring: rotation makes a new generation and removes the former.
struct KeyringName {
  RepositoryId repository;
  std::uint64_t generation = 1;
};

ByteVector seal_keyring(const Keyring& keyring, const KeyringName& name, const KeyringKey& key,
                        Random& random);
Result<Keyring> open_keyring(Bytes body, const KeyringName& name, const KeyringKey& key);

using SlotId = Name<8, struct SlotIdTag>;
enum class SlotKind : std::uint8_t { passphrase = 1, paper = 2 };

struct Slot {
  SlotId id;
  SlotKind kind = SlotKind::passphrase;
  WallTime created;
  std::string label;  // In clear: it helps to tell slots apart and must not be secret.
  PassphraseCost cost;
  std::array<std::byte, 16> salt{};
  std::array<std::byte, 12> nonce{};
  std::array<std::byte, 48> wrapped{};  // The keyring key and a tag.
};
ByteVector pack_slot(const Slot& slot);
Result<Slot> unpack_slot(Bytes body);

// The secret that a person holds on paper, and its text: 11 groups of 5 characters of Crockford's
// base 32 (32 bytes and 2 of checksum), so that a slip of the pen is told from a wrong key.
using PaperKey = Secret<32, struct PaperKeyTag>;
std::string paper_key_text(const PaperKey& key);
std::optional<PaperKey> paper_key_of(std::string_view text);

// Invalid for a passphrase, a label or a cost out of bounds; busy when memory is short.
Result<Slot> make_passphrase_slot(const KeyringName& name, const KeyringKey& key, Bytes passphrase,
                                  std::string label, WallTime now, Random& random,
                                  const PassphraseCost& cost = {});
Slot make_paper_slot(const KeyringName& name, const KeyringKey& key, const PaperKey& paper,
                     std::string label, WallTime now, Random& random);
// Mismatch when the passphrase (or the paper key typed as one) is not this slot's.
Result<KeyringKey> open_slot(const Slot& slot, const KeyringName& name, Bytes passphrase);

}  // namespace ebb
