// SPDX-License-Identifier: Apache-2.0
// units.h - numbers that know what they count.
//
// Index<Byte> is a place, Count<Byte> a length; the same for blocks and sectors. A length is not a
// place, blocks are not bytes, and nothing turns back into an integer by itself: value() says that
// the unit ends here. Arithmetic is checked, because an offset that wraps writes somewhere else.
// Units meet in one class only: BlockGrid (devmap/geometry.h).
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>

#include "devmap/core/check.h"

namespace ebb {

struct Byte;
struct Block;
struct Sector;

constexpr std::uint64_t checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  EBB_CHECK(!__builtin_add_overflow(a, b, &sum), "a sum of units wraps");
  return sum;
}

constexpr std::uint64_t checked_subtract(std::uint64_t a, std::uint64_t b) {
  EBB_CHECK(b <= a, "a difference of units is negative");
  return a - b;
}

constexpr std::uint64_t checked_multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  EBB_CHECK(!__builtin_mul_overflow(a, b, &product), "a product of units wraps");
  return product;
}

// How many.
template <class Unit>
class Count {
 public:
  constexpr Count() = default;
  constexpr explicit Count(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr std::size_t size() const { return static_cast<std::size_t>(value_); }
  constexpr bool none() const { return value_ == 0; }

  constexpr auto operator<=>(const Count&) const = default;
  constexpr Count operator+(Count other) const { return Count(checked_add(value_, other.value_)); }
  constexpr Count operator-(Count other) const {
    return Count(checked_subtract(value_, other.value_));
  }
  constexpr Count operator*(std::uint64_t times) const {
    return Count(checked_multiply(value_, times));
  }
  constexpr Count& operator+=(Count other) { return *this = *this + other; }
  constexpr Count& operator-=(Count other) { return *this = *this - other; }

 private:
  std::uint64_t value_ = 0;
};

// Where.
template <class Unit>
class Index {
 public:
  constexpr Index() = default;
  constexpr explicit Index(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }

  constexpr auto operator<=>(const Index&) const = default;
  constexpr Index operator+(Count<Unit> n) const { return Index(checked_add(value_, n.value())); }
  constexpr Index operator-(Count<Unit> n) const {
    return Index(checked_subtract(value_, n.value()));
  }
  constexpr Count<Unit> operator-(Index other) const {
    return Count<Unit>(checked_subtract(value_, other.value_));
  }
  constexpr Index& operator+=(Count<Unit> n) { return *this = *this + n; }

 private:
  std::uint64_t value_ = 0;
};

// The half-open range [begin, end).
template <class Unit>
struct Run {
  Index<Unit> begin;
  Index<Unit> end;

  static constexpr Run of(Index<Unit> begin, Count<Unit> length) {
    return Run{begin, begin + length};
  }
  constexpr Count<Unit> length() const { return end - begin; }
  constexpr bool empty() const { return end <= begin; }
  constexpr bool contains(Index<Unit> at) const { return begin <= at && at < end; }
  constexpr bool contains(Run other) const { return begin <= other.begin && other.end <= end; }
  constexpr bool touches(Run other) const { return begin < other.end && other.begin < end; }
  // The part that both share; empty when there is none.
  constexpr Run shared_with(Run other) const {
    const Index<Unit> from = std::max(begin, other.begin);
    return Run{from, std::max(from, std::min(end, other.end))};
  }
  constexpr bool operator==(const Run&) const = default;
};

using ByteIndex = Index<Byte>;
using ByteCount = Count<Byte>;
using ByteRun = Run<Byte>;
using BlockIndex = Index<Block>;
using BlockCount = Count<Block>;
using BlockRun = Run<Block>;
using SectorIndex = Index<Sector>;
using SectorCount = Count<Sector>;

constexpr ByteCount operator""_B(unsigned long long n) {
  return ByteCount(n);
}
constexpr ByteCount operator""_KiB(unsigned long long n) {
  return ByteCount(n) * 1024;
}
constexpr ByteCount operator""_MiB(unsigned long long n) {
  return ByteCount(n) * (1024 * 1024);
}
constexpr ByteCount operator""_GiB(unsigned long long n) {
  return ByteCount(n) * (1024ull * 1024 * 1024);
}

// Rounds `n` up to a multiple of `to`; `to` is a power of two.
constexpr std::uint64_t round_up(std::uint64_t n, std::uint64_t to) {
  return checked_add(n, to - 1) & ~(to - 1);
}
constexpr std::uint64_t round_down(std::uint64_t n, std::uint64_t to) {
  return n & ~(to - 1);
}
constexpr ByteCount round_up(ByteCount n, ByteCount to) {
  return ByteCount(round_up(n.value(), to.value()));
}

}  // namespace ebb
