// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/passphrase.h"

#include <argon2.h>

#include "devmap/core/limits.h"

namespace ebb {

Result<void> check(const PassphraseCost& cost) {
  const auto said = [&](std::string_view why) {
    return fail(Error::invalid("a passphrase cost of {} KiB, {} passes and {} lanes {}",
                               cost.memory_kib, cost.passes, cost.lanes, why));
  };
  if (cost.lanes == 0 || cost.passes == 0) return said("is none");
  const PassphraseCost& most = max_passphrase_cost;
  if (cost.memory_kib > most.memory_kib || cost.passes > most.passes || cost.lanes > most.lanes) {
    return said(fmt::format("is above the bound of {} KiB, {} passes and {} lanes", most.memory_kib,
                            most.passes, most.lanes));
  }
  if (cost.memory_kib < ARGON2_SYNC_POINTS * 2 * cost.lanes) {
    return said("has less than 8 KiB a lane, which argon2 does not define");
  }
  return {};
}

Result<PassphraseKey> derive(Bytes passphrase, Bytes salt, const PassphraseCost& cost) {
  TRY(check(cost));
  if (passphrase.empty()) return fail(Error::invalid("an empty passphrase"));
  if (passphrase.size() > limits::max_passphrase_bytes) {
    return fail(Error::invalid("a passphrase of {} bytes, more than {}", passphrase.size(),
                               limits::max_passphrase_bytes));
  }
  if (salt.size() < min_salt_size || salt.size() > max_salt_size) {
    return fail(Error::invalid("a salt of {} bytes, not {} to {}", salt.size(), min_salt_size,
                               max_salt_size));
  }
  PassphraseKey key;
  const int outcome = argon2_hash(cost.passes, cost.memory_kib, cost.lanes, passphrase.data(),
                                  passphrase.size(), salt.data(), salt.size(), key.room().data(),
                                  key.size, nullptr, 0, Argon2_id, ARGON2_VERSION_13);
  if (outcome == ARGON2_MEMORY_ALLOCATION_ERROR || outcome == ARGON2_THREAD_FAIL) {
    return fail(Error::busy("deriving a key with {} KiB and {} lanes: {}", cost.memory_kib,
                            cost.lanes, argon2_error_message(outcome)));
  }
  EBB_CHECK(outcome == ARGON2_OK, argon2_error_message(outcome));
  return key;
}

}  // namespace ebb
