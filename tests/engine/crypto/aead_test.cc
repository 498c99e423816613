// SPDX-License-Identifier: Apache-2.0
#include "engine/crypto/aead.h"

#include <gtest/gtest.h>

#include "tests/support/gcm_vectors.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

TEST(Aead, GivesTheVectorsOfTheGcmSpecification) {
  for (const test::GcmVector& v : test::gcm_vectors()) {
    const auto sealed = aead_seal(v.key, v.nonce, v.aad, v.plain);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(to_hex(*sealed), to_hex(v.ciphertext) + to_hex(v.tag));
    const auto plain = aead_open(v.key, v.nonce, v.aad, *sealed);
    ASSERT_TRUE(plain);
    EXPECT_EQ(to_hex(plain->reveal()), to_hex(v.plain));
  }
}

TEST(Aead, RefusesEveryFlippedBit) {
  const ByteVector key(32, std::byte{7});
  const ByteVector nonce(12, std::byte{8});
  const ByteVector aad = copy_of(bytes_of("context"));
  const ByteVector sealed = aead_seal(key, nonce, aad, bytes_of("a wrapped key")).value();
  const auto each_flip = [](const ByteVector& bytes, const auto& refused) {
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      ByteVector other = bytes;
      other[bit / 8] ^= std::byte(1u << (bit % 8));
      const auto opened = refused(other);
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().kind(), ErrorKind::damaged);
    }
  };
  each_flip(sealed, [&](Bytes other) { return aead_open(key, nonce, aad, other); });
  each_flip(aad, [&](Bytes other) { return aead_open(key, nonce, other, sealed); });
  each_flip(nonce, [&](Bytes other) { return aead_open(key, other, aad, sealed); });
  each_flip(key, [&](Bytes other) { return aead_open(other, nonce, aad, sealed); });
}

TEST(Aead, RefusesEveryShorterMessage) {
  const ByteVector key(32);
  const ByteVector nonce(12);
  const ByteVector sealed = aead_seal(key, nonce, {}, bytes_of("twenty bytes of text")).value();
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const auto opened = aead_open(key, nonce, {}, Bytes(sealed).first(size));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind(), ErrorKind::damaged);
  }
}

TEST(Aead, CallsKeysAndNoncesOfOtherLengthsInvalid) {
  EXPECT_EQ(aead_seal(ByteVector(31), ByteVector(12), {}, {}).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(aead_seal(ByteVector(32), ByteVector(11), {}, {}).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(aead_open(ByteVector(24), ByteVector(12), {}, ByteVector(16)).error().kind(),
            ErrorKind::invalid);
}

}  // namespace
}  // namespace ebb
