// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/checksum.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb {
namespace {

// Bit by bit, from the polynomial of ECMA-182 written backwards.
std::uint64_t crc64_by_bits(Bytes bytes) {
  std::uint64_t crc = ~0ull;
  for (const std::byte b : bytes) {
    crc ^= static_cast<std::uint64_t>(b);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) * 0xC96C5795D7870F42ull);
  }
  return ~crc;
}

TEST(Crc64, IsCrc64Xz) {
  EXPECT_EQ(crc64(bytes_of("123456789")), 0x995DC9BBDF1939FAull);
  EXPECT_EQ(crc64({}), 0u);
}

TEST(Crc64, IsWhatItsPolynomialSays) {
  const auto random = test::test_random();
  for (std::size_t size = 0; size < 600; ++size) {
    const ByteVector bytes = test::random_bytes(*random, size + 7);
    const Bytes part = Bytes(bytes).subspan(size % 8, size);
    ASSERT_EQ(crc64(part), crc64_by_bits(part)) << "size " << size;
  }
}

TEST(Crc64, OfTheWholeIsThatOfTheEndAfterTheBeginning) {
  const auto random = test::test_random();
  for (int round = 0; round < 200; ++round) {
    const ByteVector bytes = test::random_bytes(*random, random->below(20000));
    const std::size_t cut = random->below(bytes.size() + 1);
    EXPECT_EQ(crc64(Bytes(bytes).subspan(cut), crc64(Bytes(bytes).first(cut))), crc64(bytes));
  }
}

TEST(Crc64, FindsEveryFlippedBit) {
  ByteVector bytes(512, std::byte{0x5a});
  const std::uint64_t sum = crc64(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte(1u << (bit % 8));
    EXPECT_NE(crc64(bytes), sum);
    bytes[bit / 8] ^= std::byte(1u << (bit % 8));
  }
}

}  // namespace
}  // namespace ebb
