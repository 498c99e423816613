// SPDX-License-Identifier: Apache-2.0
// codec.h - how a record's plain bytes were packed. The numbers are those of the format.
#pragma once

#include <cstdint>
#include <string_view>

namespace ebb {

enum class Codec : std::uint8_t {
  none = 0,  // As they are.
  lz4 = 1,   // One LZ4 block, without a frame.
  zstd = 2,  // One zstd frame (RFC 8878).
};

std::string_view name_of(Codec codec);

}  // namespace ebb
