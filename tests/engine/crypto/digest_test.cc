// SPDX-License-Identifier: Apache-2.0
// Vectors: FIPS 180-4 (NIST examples), RFC 4231, RFC 5869.
#include "engine/crypto/digest.h"

#include <gtest/gtest.h>

#include "tests/support/hex.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::hex;

TEST(Sha256, GivesTheExamplesOfNist) {
  EXPECT_EQ(sha256({}).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(bytes_of("abc")).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256(bytes_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(ByteVector(1'000'000, std::byte{'a'})).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, IsTheSameInPiecesAndCanBeginAgain) {
  const auto random = test::test_random();
  Sha256 hash;
  for (int round = 0; round < 50; ++round) {
    const ByteVector bytes = test::random_bytes(*random, random->below(1000));
    for (Bytes rest = bytes; !rest.empty();) {
      const std::size_t n = 1 + random->below(rest.size());
      hash.update(rest.first(n));
      rest = rest.subspan(n);
    }
    EXPECT_EQ(hash.finish(), sha256(bytes));
  }
}

TEST(HmacSha256, GivesTheVectorsOfRfc4231) {
  const struct {
    ByteVector key;
    ByteVector data;
    const char* code;
  } cases[] = {
      {ByteVector(20, std::byte{0x0b}), hex("4869205468657265"),
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {copy_of(bytes_of("Jefe")), copy_of(bytes_of("what do ya want for nothing?")),
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {ByteVector(20, std::byte{0xaa}), ByteVector(50, std::byte{0xdd}),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {hex("0102030405060708090a0b0c0d0e0f10111213141516171819"), ByteVector(50, std::byte{0xcd}),
       "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
      {ByteVector(131, std::byte{0xaa}),
       copy_of(bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")),
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {ByteVector(131, std::byte{0xaa}),
       copy_of(bytes_of("This is a test using a larger than block-size key and a larger than "
                        "block-size data. The key needs to be hashed before being used by the "
                        "HMAC algorithm.")),
       "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(hmac_sha256(c.key, {c.data}).hex(), c.code);
    EXPECT_EQ(hmac_sha256(c.key, {Bytes(c.data).first(3), {}, Bytes(c.data).subspan(3)}).hex(),
              c.code);
  }
}

TEST(HkdfSha256, GivesTheVectorsOfRfc5869) {
  const struct {
    ByteVector material, salt, info;
    const char* key;
    const char* output;
  } cases[] = {
      {ByteVector(22, std::byte{0x0b}), hex("000102030405060708090a0b0c"),
       hex("f0f1f2f3f4f5f6f7f8f9"),
       "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
       "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
      {hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829"
           "2a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f"),
       hex("606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283848586878889"
           "8a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf"),
       hex("b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9"
           "dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
       "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
       "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c6"
       "5e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"},
      {ByteVector(22, std::byte{0x0b}),
       {},
       {},
       "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
       "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
  };
  for (const auto& c : cases) {
    std::array<std::byte, 32> key;
    hkdf_sha256_extract(key, c.salt, {c.material});
    EXPECT_EQ(to_hex(key), c.key);
    ByteVector output(std::string_view(c.output).size() / 2);
    hkdf_sha256_expand(output, key, {c.info});
    EXPECT_EQ(to_hex(output), c.output);
  }
}

TEST(EqualConstantTime, IsEquality) {
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_TRUE(equal_constant_time(bytes_of("same"), bytes_of("same")));
  EXPECT_FALSE(equal_constant_time(bytes_of("same"), bytes_of("sane")));
  EXPECT_FALSE(equal_constant_time(bytes_of("same"), bytes_of("sam")));
}

}  // namespace
}  // namespace ebb
