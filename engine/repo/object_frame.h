// SPDX-License-Identifier: Apache-2.0
// object_frame.h - how small objects (points, keys, envelopes, ...) lie in a file: twice.
//
// A file holds the same frame two times, each padded with zeroes to a multiple of 4 KiB, so that no
// torn sector and no flipped bit takes the object with it. A frame is a header, the body, and a
// CRC-64 over both. docs/format/objects.md is the reference; it does not know what a body means.
#pragma once

#include "devmap/core/bytes.h"
#include "devmap/core/limits.h"
#include "devmap/core/result.h"

namespace ebb {

enum class ObjectType : std::uint16_t {
  repository = 1,
  keyring = 2,
  slot = 3,
  members = 4,
  envelope = 5,
  point = 6,
  lost = 7,
  source_key = 8,
  restore_journal = 9,
  data_key_table = 10,
  minimum_age = 11,
};

// The largest file that holds a small object.
inline constexpr ByteCount max_object_file = (limits::max_small_object + 8_KiB) * 2;

ByteVector frame_object(ObjectType type, Bytes body);

// What reading a file of two frames found.
struct UnframedObject {
  ByteVector body;
  bool both_sound = false;  // False: one copy is damaged and scrub can mend it from the other.
};

// `damaged` when neither copy is sound; `invalid` when the version is not known to this reader.
Result<UnframedObject> unframe_object(ObjectType type, Bytes file);

}  // namespace ebb
