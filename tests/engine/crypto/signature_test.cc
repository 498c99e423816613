// SPDX-License-Identifier: Apache-2.0
// Vectors: RFC 8032 section 7.1.
#include "engine/crypto/signature.h"

#include <gtest/gtest.h>

#include "tests/support/hex.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

TEST(Ed25519, GivesTheVectorsOfRfc8032) {
  const struct {
    const char* seed;
    const char* key;
    const char* message;
    const char* signature;
  } cases[] = {
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf"
       "9"
       "b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f"
       "1"
       "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984"
       "d"
       "c6594a7c15e9716ed28dc027beceea1ec40a"},
  };
  for (const auto& c : cases) {
    const auto seed = test::secret_from<SigningSeed>(c.seed);
    const ByteVector message = test::hex(c.message);
    EXPECT_EQ(verify_key_of(seed).hex(), c.key);
    const Signature signature = sign(seed, message);
    EXPECT_EQ(signature.hex(), c.signature);
    EXPECT_TRUE(verify(verify_key_of(seed), message, signature));
  }
}

TEST(Ed25519, RefusesEveryFlippedBit) {
  const auto random = test::test_random();
  const SigningSeed seed = make_signing_seed(*random);
  const VerifyKey key = verify_key_of(seed);
  const ByteVector message = copy_of(bytes_of("point"));
  const Signature signature = sign(seed, message);
  ASSERT_TRUE(verify(key, message, signature));
  for (std::size_t bit = 0; bit < Signature::size * 8; ++bit) {
    Signature other = signature;
    other.bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    EXPECT_FALSE(verify(key, message, other));
  }
  for (std::size_t bit = 0; bit < message.size() * 8; ++bit) {
    ByteVector other = message;
    other[bit / 8] ^= std::byte(1u << (bit % 8));
    EXPECT_FALSE(verify(key, other, signature));
  }
  for (std::size_t bit = 0; bit < VerifyKey::size * 8; ++bit) {
    VerifyKey other = key;
    other.bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    EXPECT_FALSE(verify(other, message, signature));
  }
}

}  // namespace
}  // namespace ebb
