// SPDX-License-Identifier: Apache-2.0
// crc32.h - the CRCs that others put on their metadata: of GPT (ISO 3309, reflected polynomial
// 0xEDB88320) and of file systems (Castagnoli; RFC 3720, B.4: 0x82F63B78). Both begin with all ones
// and are inverted at the end.
//
// For metadata only, a few KiB at a time; packs use ISA-L's CRC-64.
#pragma once

#include <array>
#include <cstdint>

#include "devmap/core/bytes.h"

namespace ebb {

template <std::uint32_t polynomial>
class ReflectedCrc {
 public:
  void add(Bytes bytes) {
    for (const std::byte byte : bytes) {
      state_ = table[(state_ ^ static_cast<std::uint8_t>(byte)) & 0xff] ^ (state_ >> 8);
    }
  }
  std::uint32_t value() const { return ~state_; }
  static std::uint32_t of(Bytes bytes) {
    ReflectedCrc crc;
    crc.add(bytes);
    return crc.value();
  }

 private:
  static constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
      entries[i] = value;
    }
    return entries;
  }();
  std::uint32_t state_ = ~0u;
};

using Crc32 = ReflectedCrc<0xedb88320>;
using Crc32c = ReflectedCrc<0x82f63b78>;

}  // namespace ebb
