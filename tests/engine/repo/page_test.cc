// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/page.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb {
namespace {

Page random_page(Random& random) {
  Page page;
  page.kind = static_cast<PageKind>(1 + random.below(3));
  if (page.kind == PageKind::node) page.level = static_cast<std::uint8_t>(1 + random.below(4));
  for (std::uint64_t i = 0; i < random.below(page_fan_out + 1); ++i) {
    if (random.below(3) != 0) random.fill(page.entries[i]);
  }
  if (page.kind == PageKind::segment) {
    std::uint64_t position = random.below(30);
    while (position < blocks_in_segment && page.overrides.size() < max_overrides) {
      page.overrides.push_back({static_cast<std::uint16_t>(position), random.name<Fingerprint>()});
      position += 1 + random.below(60);
    }
  }
  return page;
}

Result<Page> parse(const ByteVector& bytes) {
  return unpack_page(digest_of_page(bytes), bytes);
}

TEST(Page, WhatIsPackedIsUnpacked) {
  const auto random = test::test_random();
  for (int i = 0; i < 500; ++i) {
    const Page page = random_page(*random);
    const ByteVector bytes = pack_page(page);
    ASSERT_LE(bytes.size(), max_page_bytes);
    const auto again = parse(bytes);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->kind, page.kind);
    EXPECT_EQ(again->level, page.level);
    EXPECT_EQ(again->entries, page.entries);
    ASSERT_EQ(again->overrides.size(), page.overrides.size());
    for (std::size_t o = 0; o < page.overrides.size(); ++o) {
      EXPECT_EQ(again->overrides[o].position, page.overrides[o].position);
      EXPECT_EQ(again->overrides[o].fingerprint, page.overrides[o].fingerprint);
    }
    EXPECT_EQ(pack_page(*again), bytes);
  }
}

TEST(Page, AnyFlippedByteIsRefusedByTheName) {
  const auto random = test::test_random();
  const ByteVector bytes = pack_page(random_page(*random));
  const PageDigest digest = digest_of_page(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ByteVector flipped = bytes;
    flipped[i] ^= static_cast<std::byte>(1 + random->below(255));
    const auto page = unpack_page(digest, flipped);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().kind(), ErrorKind::damaged);
  }
}

// Named rightly, and still nonsense.
TEST(Page, HostileBytesUnderTheirRightNameAreRefused) {
  Page page;
  page.kind = PageKind::segment;
  page.entries[0][0] = std::byte{1};
  page.overrides = {{5, Fingerprint{{std::byte{1}}}}, {9, Fingerprint{{std::byte{2}}}}};
  const ByteVector good = pack_page(page);
  ASSERT_TRUE(parse(good));
  const auto with = [&](std::size_t at, int value) {
    ByteVector bytes = good;
    bytes[at] = static_cast<std::byte>(value);
    return bytes;
  };
  EXPECT_FALSE(parse(with(0, 'X')));   // Magic.
  EXPECT_FALSE(parse(with(4, 0)));     // Kind.
  EXPECT_FALSE(parse(with(4, 1)));     // A leaf with overrides.
  EXPECT_FALSE(parse(with(4, 3)));     // A node of level 0.
  EXPECT_FALSE(parse(with(4, 4)));     //
  EXPECT_FALSE(parse(with(5, 1)));     // A segment with a level.
  EXPECT_FALSE(parse(with(6, 0)));     // Fewer entries than bytes.
  EXPECT_FALSE(parse(with(6, 65)));    // More than fit.
  EXPECT_FALSE(parse(with(7, 0xff)));  //
  EXPECT_FALSE(parse(with(8, 1)));     //
  EXPECT_FALSE(parse(with(9, 0xff)));  //
  for (std::size_t i = 10; i < 16; ++i) EXPECT_FALSE(parse(with(i, 1)));
  EXPECT_FALSE(parse(with(48, 9)));         // Positions not ascending: 9, 9.
  EXPECT_FALSE(parse(with(48, 10)));        // 10, 9.
  EXPECT_FALSE(parse(with(49, 0xff)));      // Outside of the segment.
  EXPECT_FALSE(parse(with(82 + 1, 0x10)));  // 4096 + 9.
  ByteVector longer = good;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(parse(longer));
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(parse(ByteVector(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n))));
  }
}

TEST(Page, LevelsFollowFromTheNumberOfBlocks) {
  EXPECT_EQ(node_levels(BlockCount(0)), 0u);
  EXPECT_EQ(node_levels(BlockCount(1)), 0u);
  EXPECT_EQ(node_levels(BlockCount(4096)), 0u);
  EXPECT_EQ(node_levels(BlockCount(4097)), 1u);
  EXPECT_EQ(node_levels(BlockCount(4096 * 64)), 1u);
  EXPECT_EQ(node_levels(BlockCount(4096 * 64 + 1)), 2u);
  EXPECT_EQ(node_levels(BlockCount(1ull << 34)), 4u);
}

}  // namespace
}  // namespace ebb
