// SPDX-License-Identifier: Apache-2.0
#include "devmap/crc32.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

// RFC 3720, B.4, and the check value that catalogues of CRCs give.
TEST(Crc32c, IsThatOfTheDocuments) {
  EXPECT_EQ(Crc32c::of(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(Crc32c::of(ByteVector(32)), 0x8a9136aau);
  EXPECT_EQ(Crc32c::of(ByteVector(32, std::byte{0xff})), 0x62a8ab43u);
}

TEST(Crc32c, IsTheSameInPieces) {
  Crc32c crc;
  crc.add(bytes_of("1234"));
  crc.add({});
  crc.add(bytes_of("56789"));
  EXPECT_EQ(crc.value(), 0xe3069283u);
}

}  // namespace
}  // namespace ebb
