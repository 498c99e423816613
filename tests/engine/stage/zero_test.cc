// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/zero.h"

#include <gtest/gtest.h>

#include <vector>

namespace ebb {
namespace {

// A page whose both ends are set, so that a read past the block would see something.
class FencedZeroes {
 public:
  static constexpr std::size_t fence = 64;
  MutableBytes at(std::size_t offset, std::size_t size) {
    bytes_.assign(fence + offset + size + fence, std::byte{0xff});
    const MutableBytes block = MutableBytes(bytes_).subspan(fence + offset, size);
    std::fill(block.begin(), block.end(), std::byte{0});
    return block;
  }

 private:
  ByteVector bytes_;
};

TEST(IsZero, NothingIsZero) {
  EXPECT_TRUE(is_zero({}));
}

TEST(IsZero, SeesEveryByteAtEveryAlignmentAndLength) {
  FencedZeroes page;
  for (std::size_t offset = 0; offset < 32; ++offset) {
    for (std::size_t size = 0; size <= 300; ++size) {
      const MutableBytes block = page.at(offset, size);
      ASSERT_TRUE(is_zero(block)) << "offset " << offset << " size " << size;
      for (std::size_t i = 0; i < size; ++i) {
        block[i] = std::byte{1};
        ASSERT_FALSE(is_zero(block)) << "offset " << offset << " size " << size << " byte " << i;
        block[i] = std::byte{0};
      }
    }
  }
}

TEST(IsZero, SeesEveryByteOfABlock) {
  FencedZeroes page;
  for (const std::size_t size : {4096u, 4097u, 65535u, 65536u}) {
    const MutableBytes block = page.at(0, size);
    for (std::size_t i = 0; i < size; i += i < size - 600 && i > 600 ? 61 : 1) {
      block[i] = std::byte{0x80};
      ASSERT_FALSE(is_zero(block)) << "size " << size << " byte " << i;
      block[i] = std::byte{0};
    }
    ASSERT_TRUE(is_zero(block));
  }
}

TEST(IsZero, SeesTheLastByteOfTheLargestBlock) {
  ByteVector block(1 << 20);
  EXPECT_TRUE(is_zero(block));
  block.back() = std::byte{1};
  EXPECT_FALSE(is_zero(block));
}

}  // namespace
}  // namespace ebb
