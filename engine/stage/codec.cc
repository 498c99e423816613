// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/codec.h"

namespace ebb {

std::string_view name_of(Codec codec) {
  switch (codec) {
    case Codec::none: return "none";
    case Codec::lz4: return "lz4";
    case Codec::zstd: return "zstd";
  }
  return "unknown";
}

}  // namespace ebb
