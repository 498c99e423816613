// SPDX-License-Identifier: Apache-2.0
// random.h - randomness, as something that a test can hold.
//
// Keys and ids come from SystemRandom (getrandom(2)). SeededRandom gives the same bytes for the
// same seed; it is for tests and simulations and must never make a key that outlives one.
#pragma once

#include <cstdint>
#include <memory>

#include "devmap/core/bytes.h"

namespace ebb {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes room) = 0;

  std::uint64_t next_u64() {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  // Uniform in [0, bound); bound is not 0. Rejects the uneven tail.
  std::uint64_t below(std::uint64_t bound);

  template <class N>
  N name() {
    N name;
    fill(name.bytes);
    return name;
  }
};

Random& system_random();
std::unique_ptr<Random> seeded_random(std::uint64_t seed);

}  // namespace ebb
