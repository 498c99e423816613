// SPDX-License-Identifier: Apache-2.0
// place.h - where a record lies, as 24 bytes on the wire (repository.capnp).
#pragma once

#include "devmap/core/endian.h"
#include "engine/repo/ids.h"

namespace ebb {

struct PlaceOnWire {
  std::array<std::byte, PackId::size> pack;  // Zeroes: not there.
  Le32 at;
  Le32 stored_length;
};
static_assert(sizeof(PlaceOnWire) == 24);

inline PlaceOnWire to_wire(const RecordPlace& place) {
  return {place.pack.bytes, Le32(place.at), Le32(place.stored_length)};
}
inline RecordPlace from_wire(const PlaceOnWire& place) {
  return {PackId{place.pack}, place.at.value(), place.stored_length.value()};
}

}  // namespace ebb
