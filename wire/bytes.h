// SPDX-License-Identifier: Apache-2.0
// bytes.h - bytes as KJ has them, and as ebb has them.
#pragma once

#include <kj/array.h>

#include "devmap/core/bytes.h"

namespace ebb {

inline kj::ArrayPtr<const kj::byte> kj_bytes(Bytes bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
inline Bytes bytes_from(kj::ArrayPtr<const kj::byte> bytes) {
  return std::as_bytes(std::span(bytes.begin(), bytes.size()));
}

}  // namespace ebb
