// SPDX-License-Identifier: Apache-2.0
// members.h - who may sign points and to whom data keys are wrapped.
//
// Signed by the repository's authority, whose secret is in the keyring. A storage agent can neither
// make one nor add a recipient; a source takes recipients only from a record whose signature is
// right and whose epoch is not older than the last it saw.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/repo/keyring.h"

namespace ebb {

struct MemberSource {
  VerifyKey key;
  bool active = true;  // A removed source's old points still open, and are said to be its.
  std::string name;    // Sealed as a label in the record; empty when the id key is not at hand.
};

struct Members {
  RepositoryId repository;
  std::uint64_t epoch = 1;
  std::vector<HpkePublicKey> recipients;
  std::vector<MemberSource> sources;

  const MemberSource* find(const VerifyKey& key) const;
};

ByteVector sign_members(const Members& members, const SigningSeed& authority, const IdKey& id_key,
                        Random& random);
// Denied when the signature is not the authority's. Names are filled in when `id_key` is given.
Result<Members> open_members(Bytes body, const RepositoryId& repository, const VerifyKey& authority,
                             const IdKey* id_key);

}  // namespace ebb
