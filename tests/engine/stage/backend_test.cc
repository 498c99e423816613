// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

namespace ebb {
namespace {

using testing::Contains;
using testing::HasSubstr;

// Sets EBB_CRYPTO for one test.
class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* before = std::getenv("EBB_CRYPTO")) before_ = before;
    value != nullptr ? ::setenv("EBB_CRYPTO", value, 1) : ::unsetenv("EBB_CRYPTO");
  }
  ~Environment() {
    before_.empty() ? ::unsetenv("EBB_CRYPTO") : ::setenv("EBB_CRYPTO", before_.c_str(), 1);
  }

 private:
  std::string before_;
};

TEST(CryptoBackend, OpensslIsAlwaysThereAndTheBestIsUsable) {
  EXPECT_THAT(usable_backends(), Contains(CryptoBackend::openssl));
  EXPECT_THAT(usable_backends(), Contains(best_backend()));
}

TEST(CryptoBackend, EveryUsableOneHasItsName) {
  for (const CryptoBackend backend : usable_backends()) {
    EXPECT_EQ(backend_named(name_of(backend)), backend);
  }
}

TEST(CryptoBackend, NoNameIsSharedAndAllAreKnown) {
  std::set<std::string_view> names;
  for (const CryptoBackend backend :
       {CryptoBackend::openssl, CryptoBackend::ipsec_mb, CryptoBackend::isal_crypto}) {
    EXPECT_TRUE(names.insert(name_of(backend)).second) << name_of(backend);
    // What is not built in or does not run here can't be asked for.
    const auto usable = usable_backends();
    const bool is_usable = std::find(usable.begin(), usable.end(), backend) != usable.end();
    EXPECT_EQ(backend_named(name_of(backend)).has_value(), is_usable) << name_of(backend);
  }
}

TEST(CryptoBackend, TheEnvironmentMayChoose) {
  const Environment environment("openssl");
  EXPECT_EQ(chosen_backend(), CryptoBackend::openssl);
}

TEST(CryptoBackend, WithoutAChoiceItIsTheBest) {
  {
    const Environment environment(nullptr);
    EXPECT_EQ(chosen_backend(), best_backend());
  }
  const Environment environment("");
  EXPECT_EQ(chosen_backend(), best_backend());
}

TEST(CryptoBackend, AWrongChoiceListsTheUsableOnes) {
  const Environment environment("fastest");
  const auto chosen = chosen_backend();
  ASSERT_FALSE(chosen);
  EXPECT_EQ(chosen.error().kind(), ErrorKind::invalid);
  EXPECT_THAT(chosen.error().text(), HasSubstr("EBB_CRYPTO"));
  for (const CryptoBackend backend : usable_backends()) {
    EXPECT_THAT(chosen.error().text(), HasSubstr(std::string(name_of(backend))));
  }
}

}  // namespace
}  // namespace ebb
