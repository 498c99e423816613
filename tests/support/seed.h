// SPDX-License-Identifier: Apache-2.0
// seed.h - the seed of a random test: EBB_TEST_SEED, or a new one; printed either way.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "devmap/core/random.h"

namespace ebb::test {

inline std::uint64_t test_seed() {
  const char* const given = std::getenv("EBB_TEST_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 0) : system_random().next_u64();
  std::printf("EBB_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

inline std::unique_ptr<Random> test_random() {
  return seeded_random(test_seed());
}

inline ByteVector random_bytes(Random& random, std::size_t size) {
  ByteVector bytes(size);
  random.fill(bytes);
  return bytes;
}

}  // namespace ebb::test
