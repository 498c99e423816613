// SPDX-License-Identifier: Apache-2.0
// state_copy.h - what a manager must not lose, as storage agents keep it for the day that it is
// lost (docs/format/manager-copy.md).
//
// The keys that everybody believes in, and of the database what nobody else could tell again: hosts
// and revocations, repositories, whose volumes are whose, policies, requests to run, the audit log.
// Not in it: tokens, since one that was used after the copy was made would be good again; points,
// which storage agents tell again; jobs, traffic and when hosts were seen. It is sealed under the
// recovery key, which lies in the manager's folder and on paper.
#pragma once

#include <vector>

#include "wire/control/manager/database.h"
#include "wire/control/ticket.h"
#include "wire/link/sealed_file.h"

namespace ebb::control {

using RecoveryKey = SealingKey;
// 11 groups of 5 characters (devmap/core/paper_text.h).
std::string recovery_key_text(const RecoveryKey& key);
std::optional<RecoveryKey> recovery_key_of(std::string_view text);

struct ManagerState {
  std::string authority;  // PEM
  SecretBuffer authority_key;
  SecretBuffer ticket_key;
  ByteVector database;  // An SQLite file.
};

// An SQLite file of what is kept of the database at `path`, which may be in use.
Result<ByteVector> kept_database(const std::string& path);
Result<ByteVector> seal_state(const ManagerState& state, const RecoveryKey& key);
// `mismatch` when the key is another or a byte was altered, `damaged` when it is no copy.
Result<ManagerState> open_state(Bytes copy, const RecoveryKey& key);

// Besides `hosts`: tables of which every row is in a copy, in an order that their references allow;
// and those that are left out.
std::vector<std::string> kept_tables();
std::vector<std::string> left_out_tables();

}  // namespace ebb::control
