// SPDX-License-Identifier: Apache-2.0
// crc32c.h - the CRC that file systems put on their metadata (Castagnoli; RFC 3720, B.4: reflected
// polynomial 0x82F63B78, all ones at first, inverted at the end).
//
// For metadata only, a block at a time; packs use ISA-L's CRC-64.
#pragma once

#include <array>
#include <cstdint>

#include "devmap/core/bytes.h"

namespace ebb {

class Crc32c {
 public:
  void add(Bytes bytes) {
    for (const std::byte byte : bytes) {
      state_ = table[(state_ ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ (state_ >> 8);
    }
  }
  std::uint32_t value() const { return ~state_; }
  static std::uint32_t of(Bytes bytes) {
    Crc32c crc;
    crc.add(bytes);
    return crc.value();
  }

 private:
  static constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78u : 0);
      entries[i] = value;
    }
    return entries;
  }();
  std::uint32_t state_ = ~0u;
};

}  // namespace ebb
