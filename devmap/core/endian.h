// SPDX-License-Identifier: Apache-2.0
// endian.h - integers as they lie on disk.
//
// Le16, Le32 and Le64 are bytes with no alignment, so a packed struct of them is the exact twin of
// a table in docs/format/. Be16, Be32 and Be64 are for what others lay out with the high byte
// first. They convert only through value() and the constructor.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ebb {

template <class Integer, bool little>
class StoredInteger {
 public:
  constexpr StoredInteger() = default;
  constexpr explicit StoredInteger(Integer value) {
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      bytes_[little ? i : sizeof(Integer) - 1 - i] = static_cast<std::uint8_t>(value >> (8 * i));
    }
  }
  constexpr Integer value() const {
    Integer value = 0;
    for (std::size_t i = 0; i < sizeof(Integer); ++i) {
      const auto byte = bytes_[little ? i : sizeof(Integer) - 1 - i];
      value = static_cast<Integer>(value | (static_cast<Integer>(byte) << (8 * i)));
    }
    return value;
  }
  constexpr bool operator==(const StoredInteger&) const = default;

 private:
  std::array<std::uint8_t, sizeof(Integer)> bytes_{};
};

using Le16 = StoredInteger<std::uint16_t, true>;
using Le32 = StoredInteger<std::uint32_t, true>;
using Le64 = StoredInteger<std::uint64_t, true>;
using Be16 = StoredInteger<std::uint16_t, false>;
using Be32 = StoredInteger<std::uint32_t, false>;
using Be64 = StoredInteger<std::uint64_t, false>;

}  // namespace ebb
