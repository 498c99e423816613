// SPDX-License-Identifier: Apache-2.0
// track_token.h - the proof that comes with a tracker's marks.
//
// A token names one attaching of one tracker to one device, and an epoch of it. It goes into the
// recovery point that is made of the device after that epoch was closed. Marks say what changed
// since such a point only where everything but the epoch agrees, and no epoch between was
// forgotten.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "devmap/core/result.h"
#include "devmap/geometry.h"

namespace ebb {

struct TrackToken {
  std::string boot_id;   // Of the kernel.
  std::string instance;  // Of the tracker: 32 digits, new each time that one is attached.
  std::string attached;  // When that was.
  std::string device;    // "7:3"
  std::uint64_t disk_sequence = 0;
  ByteCount size;
  ByteCount block;
  std::uint64_t epoch = 0;  // The last that was closed when the point was made; the first is 1.

  bool operator==(const TrackToken&) const = default;
  // The same tracker, device and shape; the epochs may differ.
  bool same_tracking(const TrackToken& other) const;

  // One line of words, and back; what is not such a line is damaged.
  std::string text() const;
  static Result<TrackToken> parse(std::string_view text);
};

}  // namespace ebb
