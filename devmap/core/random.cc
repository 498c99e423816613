// SPDX-License-Identifier: Apache-2.0
#include "devmap/core/random.h"

#include <sys/random.h>

#include <cerrno>
#include <random>

#include "devmap/core/check.h"

namespace ebb {

std::uint64_t Random::below(std::uint64_t bound) {
  EBB_CHECK(bound != 0, "no number is below zero");
  const std::uint64_t uneven = (0 - bound) % bound;  // 2^64 mod bound
  for (;;) {
    const std::uint64_t value = next_u64();
    if (value >= uneven) return value % bound;
  }
}

namespace {

class SystemRandom final : public Random {
 public:
  void fill(MutableBytes room) override {
    while (!room.empty()) {
      const ssize_t got = ::getrandom(room.data(), room.size(), 0);
      if (got < 0) {
        EBB_CHECK(errno == EINTR, "getrandom(2) failed: no key may be made without it");
        continue;
      }
      room = room.subspan(static_cast<std::size_t>(got));
    }
  }
};

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableBytes room) override {
    while (!room.empty()) {
      const std::uint64_t value = engine_();
      const std::size_t n = std::min(room.size(), sizeof value);
      std::memcpy(room.data(), &value, n);
      room = room.subspan(n);
    }
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

std::unique_ptr<Random> seeded_random(std::uint64_t seed) {
  return std::make_unique<SeededRandom>(seed);
}

}  // namespace ebb
