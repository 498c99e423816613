// SPDX-License-Identifier: Apache-2.0
// Vectors: RFC 9180 appendix A.1.1, and the official test-vectors.json that belongs to the RFC for
// mode 0, kem 0x0020, kdf 0x0001, aead 0x0002, sequence number 0.
#include "engine/crypto/hpke.h"

#include <gtest/gtest.h>

#include "engine/crypto/aead.h"
#include "tests/support/hex.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::hex;

// Gives the keying material of a vector, once.
class ReplayedRandom final : public Random {
 public:
  explicit ReplayedRandom(std::string_view text) : bytes_(hex(text)) {}
  void fill(MutableBytes room) override {
    EBB_CHECK(room.size() == bytes_.size(), "a vector gives all its bytes at once");
    std::copy(bytes_.begin(), bytes_.end(), room.begin());
  }

 private:
  ByteVector bytes_;
};

struct Vector {
  HpkeAead aead;
  const char* ephemeral_material;
  const char* recipient_material;
  const char* recipient_secret;
  const char* recipient_public;
  const char* enc;
  const char* ciphertext;
};

constexpr Vector vectors[] = {
    {HpkeAead::aes_128_gcm, "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
     "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
     "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
     "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
     "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"},
    {HpkeAead::aes_256_gcm, "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9",
     "dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee",
     "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
     "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
     "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
     "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7a"},
};

TEST(Hpke, GivesTheVectorsOfRfc9180) {
  const Bytes info = bytes_of("Ode on a Grecian Urn");
  const Bytes aad = bytes_of("Count-0");
  const Bytes plain = bytes_of("Beauty is truth, truth beauty");
  for (const Vector& v : vectors) {
    ReplayedRandom recipient_material(v.recipient_material);
    const HpkeSecretKey key = make_hpke_secret_key(recipient_material);
    EXPECT_EQ(to_hex(key.reveal()), v.recipient_secret);
    const HpkePublicKey recipient = hpke_public_key(key);
    EXPECT_EQ(recipient.hex(), v.recipient_public);

    ReplayedRandom material(v.ephemeral_material);
    const auto sealed = hpke_seal_with(v.aead, recipient, info, aad, plain, material);
    ASSERT_TRUE(sealed) << sealed.error().text();
    EXPECT_EQ(to_hex(sealed->enc), v.enc);
    EXPECT_EQ(to_hex(sealed->ciphertext), v.ciphertext);

    const auto opened = hpke_open_with(v.aead, key, sealed->enc, info, aad, sealed->ciphertext);
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_EQ(text_of(opened->reveal()), text_of(plain));
  }
}

TEST(Hpke, ChoosesAes256Gcm) {
  const Vector& v = vectors[1];
  ReplayedRandom material(v.ephemeral_material);
  const auto sealed = hpke_seal(test::name_from<HpkePublicKey>(v.recipient_public),
                                bytes_of("Ode on a Grecian Urn"), bytes_of("Count-0"),
                                bytes_of("Beauty is truth, truth beauty"), material);
  ASSERT_TRUE(sealed);
  EXPECT_EQ(to_hex(sealed->ciphertext), v.ciphertext);
}

TEST(Hpke, RefusesEverythingThatWasNotSealed) {
  const auto random = test::test_random();
  const HpkeSecretKey key = make_hpke_secret_key(*random);
  const HpkePublicKey recipient = hpke_public_key(key);
  const Bytes info = bytes_of("info");
  const Bytes aad = bytes_of("aad");
  const HpkeSealed sealed = hpke_seal(recipient, info, aad, bytes_of("key"), *random).value();
  ASSERT_TRUE(hpke_open(key, sealed.enc, info, aad, sealed.ciphertext));

  const auto expect_damaged = [](const Result<SecretBuffer>& opened) {
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind(), ErrorKind::damaged);
  };
  for (std::size_t bit = 0; bit < sealed.ciphertext.size() * 8; ++bit) {
    ByteVector other = sealed.ciphertext;
    other[bit / 8] ^= std::byte(1u << (bit % 8));
    expect_damaged(hpke_open(key, sealed.enc, info, aad, other));
  }
  // The top bit of an X25519 point is ignored by the curve, not by the key derivation.
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto other = sealed.enc;
    other[bit / 8] ^= std::byte(1u << (bit % 8));
    expect_damaged(hpke_open(key, other, info, aad, sealed.ciphertext));
  }
  expect_damaged(hpke_open(key, sealed.enc, bytes_of("other"), aad, sealed.ciphertext));
  expect_damaged(hpke_open(key, sealed.enc, info, bytes_of("other"), sealed.ciphertext));
  expect_damaged(
      hpke_open(make_hpke_secret_key(*random), sealed.enc, info, aad, sealed.ciphertext));
  expect_damaged(hpke_open(key, Bytes(sealed.enc).first(31), info, aad, sealed.ciphertext));
  expect_damaged(hpke_open(key, {}, info, aad, sealed.ciphertext));
  expect_damaged(hpke_open(key, sealed.enc, info, aad, {}));
}

TEST(Hpke, RefusesPointsOfSmallOrder) {
  // Of order 1, 2, 4 and 8, and 0 and 1 written as p and p + 1.
  const char* const points[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  };
  const auto random = test::test_random();
  const HpkeSecretKey key = make_hpke_secret_key(*random);
  for (const char* point : points) {
    const auto sealed =
        hpke_seal(test::name_from<HpkePublicKey>(point), {}, {}, bytes_of("key"), *random);
    ASSERT_FALSE(sealed) << point;
    EXPECT_EQ(sealed.error().kind(), ErrorKind::invalid);
    const auto opened = hpke_open(key, hex(point), {}, {}, ByteVector(32));
    ASSERT_FALSE(opened) << point;
    EXPECT_EQ(opened.error().kind(), ErrorKind::damaged);
  }
}

TEST(Hpke, NeverSealsTheSameWayTwice) {
  const HpkePublicKey recipient = hpke_public_key(make_hpke_secret_key(system_random()));
  const auto a = hpke_seal(recipient, {}, {}, bytes_of("key"), system_random());
  const auto b = hpke_seal(recipient, {}, {}, bytes_of("key"), system_random());
  EXPECT_NE(a->enc, b->enc);
  EXPECT_NE(a->ciphertext, b->ciphertext);
}

}  // namespace
}  // namespace ebb
