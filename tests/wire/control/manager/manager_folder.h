// SPDX-License-Identifier: Apache-2.0
// manager_folder.h - a manager's store in a folder of a test's own, and hosts in it.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"
#include "wire/control/manager/store.h"

namespace ebb::control::test {

inline constexpr std::int64_t second = 1'000'000'000;
inline constexpr WallTime noon{1'795'000'000 * second};

inline WallTime seconds_from_noon(std::int64_t seconds) {
  return {noon.nanoseconds + seconds * second};
}

class ManagerFolder {
 public:
  explicit ManagerFolder(WallTime now = noon) : now_(now) {
    EXPECT_TRUE(Store::make(path(), {"127.0.0.1", 8441}, now, system_random()));
    store_ = Store::open(path()).value();
  }

  std::string path() const { return folder_ / "manager"; }
  Store& store() { return *store_; }

  TokenDigest token(const TokenOrder& order) {
    const auto digest = system_random().name<TokenDigest>();
    EXPECT_TRUE(store_->hosts().add_token(digest, order, now_));
    return digest;
  }
  TokenDigest token(Role role) { return token({role, "", {}, {now_.nanoseconds + 3600 * second}}); }

  Result<Host> try_admit(const std::string& name, const TokenDigest& token,
                         std::vector<std::string> server_names = {}) {
    return store_->hosts().admit(
        {token, system_random().name<HolderId>(), name, std::move(server_names)}, now_,
        days_after(now_, certificate_days));
  }
  Host admit(const std::string& name, Role role) {
    std::vector<std::string> server_names;
    if (role == Role::storage) server_names.push_back(name + ".example");
    return try_admit(name, token(role), server_names).value();
  }

 private:
  const ebb::test::TemporaryFolder folder_;
  const WallTime now_;
  std::unique_ptr<Store> store_;
};

inline testing::AssertionResult refused(const Error& error, ErrorKind kind,
                                        std::string_view words) {
  if (error.kind() == kind && error.text().find(words) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << name_of(error.kind()) << ": " << error.text();
}

}  // namespace ebb::control::test

// A refusal of this kind, with these words in it.
#define EXPECT_REFUSED(expression, kind, words)                                        \
  do {                                                                                 \
    const auto refused_result = (expression);                                          \
    EXPECT_FALSE(refused_result);                                                      \
    if (!refused_result) {                                                             \
      EXPECT_TRUE(::ebb::control::test::refused(refused_result.error(), kind, words)); \
    }                                                                                  \
  } while (false)
