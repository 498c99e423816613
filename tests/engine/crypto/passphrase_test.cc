// SPDX-License-Identifier: Apache-2.0
// Vectors: the reference implementation's tests of argon2id, version 0x13.
#include "engine/crypto/passphrase.h"

#include <gtest/gtest.h>

#include "tests/support/hex.h"

namespace ebb {
namespace {

TEST(Passphrase, GivesTheVectorsOfTheReference) {
  const struct {
    PassphraseCost cost;
    const char* key;
  } cases[] = {
      {{65536, 2, 1}, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"},
      {{256, 2, 1}, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"},
      {{256, 2, 2}, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"},
  };
  for (const auto& c : cases) {
    const auto key = derive(bytes_of("password"), bytes_of("somesalt"), c.cost);
    ASSERT_TRUE(key) << key.error().text();
    EXPECT_EQ(to_hex(key->reveal()), c.key);
  }
}

TEST(Passphrase, StandardCostStaysUnderTheBoundOfAProcess) {
  ASSERT_TRUE(derive(bytes_of("pass"), bytes_of("sixteen bytes ok"), PassphraseCost{}));
  EXPECT_LE(PassphraseCost{}.memory_kib, max_passphrase_cost.memory_kib);
  EXPECT_LT(max_passphrase_cost.memory_kib, 256u * 1024);
}

TEST(Passphrase, EveryInputChangesTheKey) {
  const PassphraseCost cost{64, 1, 1};
  const auto key = [&](std::string_view pass, std::string_view salt, PassphraseCost c) {
    return to_hex(derive(bytes_of(pass), bytes_of(salt), c)->reveal());
  };
  const std::string first = key("pass", "somesalt", cost);
  EXPECT_EQ(key("pass", "somesalt", cost), first);
  EXPECT_NE(key("past", "somesalt", cost), first);
  EXPECT_NE(key("pass", "somesalz", cost), first);
  EXPECT_NE(key("pass", "somesalt", {72, 1, 1}), first);
  EXPECT_NE(key("pass", "somesalt", {64, 2, 1}), first);
  EXPECT_NE(key("pass", "somesalt", {64, 1, 2}), first);
}

TEST(Passphrase, AHostileRepositoryCannotAskForMore) {
  const PassphraseCost& most = max_passphrase_cost;
  EXPECT_TRUE(check(most));
  EXPECT_TRUE(check(PassphraseCost{}));
  for (const PassphraseCost cost :
       {PassphraseCost{0xffffffff, 3, 4}, PassphraseCost{most.memory_kib + 1, 3, 4},
        PassphraseCost{65536, 0xffffffff, 4}, PassphraseCost{65536, most.passes + 1, 4},
        PassphraseCost{65536, 3, 0xffffffff}, PassphraseCost{65536, 3, most.lanes + 1},
        PassphraseCost{65536, 0, 4}, PassphraseCost{65536, 3, 0}, PassphraseCost{0, 1, 1},
        PassphraseCost{7, 1, 1}, PassphraseCost{31, 1, 4}}) {
    EXPECT_FALSE(check(cost));
    const auto key = derive(bytes_of("pass"), bytes_of("somesalt"), cost);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind(), ErrorKind::invalid);
  }
}

TEST(Passphrase, BoundsWhatItIsGiven) {
  const PassphraseCost cost{64, 1, 1};
  EXPECT_FALSE(derive({}, bytes_of("somesalt"), cost));
  EXPECT_FALSE(derive(ByteVector(1025, std::byte{'p'}), bytes_of("somesalt"), cost));
  EXPECT_TRUE(derive(ByteVector(1024, std::byte{'p'}), bytes_of("somesalt"), cost));
  EXPECT_FALSE(derive(bytes_of("pass"), bytes_of("shortsa"), cost));
  EXPECT_FALSE(derive(bytes_of("pass"), ByteVector(65), cost));
}

}  // namespace
}  // namespace ebb
