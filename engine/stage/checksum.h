// SPDX-License-Identifier: Apache-2.0
// checksum.h - CRC-64/XZ: finds rot without a key.
//
// Polynomial 0x42F0E1EBA9EA3693 (ECMA-182) reflected, start and end inverted; "123456789" gives
// 0x995DC9BBDF1939FA. It finds accidents, not attackers: those meet the tag of the seal.
#pragma once

#include <isa-l/crc64.h>

#include "devmap/core/bytes.h"

namespace ebb {

// crc64(b, crc64(a)) is the checksum of a followed by b.
inline std::uint64_t crc64(Bytes bytes, std::uint64_t running = 0) {
  return ::crc64_ecma_refl(running, reinterpret_cast<const unsigned char*>(bytes.data()),
                           bytes.size());
}

}  // namespace ebb
