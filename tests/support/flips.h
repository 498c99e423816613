// SPDX-License-Identifier: Apache-2.0
// flips.h - what becomes of a thing when one byte of it is another.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb::test {

// Calls `check(flipped, at)` with every single-byte change of `bytes`: each byte once, some bits of
// it.
template <class Check>
void for_every_flipped_byte(Random& random, Bytes bytes, const Check& check) {
  ByteVector flipped = copy_of(bytes);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    flipped[at] ^= static_cast<std::byte>(1 + random.below(255));
    check(Bytes(flipped), at);
    flipped[at] = bytes[at];
    if (testing::Test::HasFatalFailure()) return;
  }
}

// No prefix of `bytes`, and nothing longer, is accepted.
template <class Parse>
void expect_no_other_length_parses(Bytes bytes, const Parse& parse) {
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(parse(bytes.first(n))) << n;
  ByteVector longer = copy_of(bytes);
  longer.push_back(std::byte{0});
  EXPECT_FALSE(parse(Bytes(longer)));
}

}  // namespace ebb::test
