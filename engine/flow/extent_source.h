// SPDX-License-Identifier: Apache-2.0
// extent_source.h - where a restore reads from: a repository in this process, or one behind a wire.
//
// It gives sealed bytes and says nothing about what they mean; whoever reads checks records against
// their CRC, opens them and compares fingerprints.
#pragma once

#include <optional>
#include <span>

#include "engine/repo/envelope.h"
#include "engine/repo/layout.h"
#include "engine/repo/map_reader.h"
#include "engine/repo/pack_format.h"
#include "engine/repo/point.h"

namespace ebb {

// Reads a run of bytes of one pack. Pinned by its owner until `settled` runs.
struct Fetch {
  PackId pack;
  ByteRun bytes;
  MutableBytes room;  // Aligned; as long as needed_room(bytes).
  Bytes arrived;      // The wanted bytes, somewhere in the room.
  void (*settled)(Fetch&, Result<void>) = nullptr;

  Fetch() = default;
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;
};
// Room for a fetch of any so many bytes, aligned anyhow.
constexpr ByteCount needed_room(ByteCount bytes) {
  return round_up(bytes, limits::io_alignment) + limits::io_alignment;
}

class ExtentSource : public PageSource {
 public:
  virtual RepositoryId repository() const = 0;
  virtual Result<std::vector<layout::PointName>> point_names() = 0;
  virtual Result<SignedPoint> point(const layout::PointName& name) = 0;
  // places[i] is where the block lies, or nothing.
  virtual Result<void> locate(std::span<const Fingerprint> names,
                              std::span<std::optional<RecordPlace>> places) = 0;
  // Which data key sealed the block that lies there.
  virtual Result<DataKeyId> data_key_of(const RecordPlace& place, const Fingerprint& name) = 0;
  // At most limits::max_fetch bytes.
  virtual void fetch(Fetch& fetch) = 0;
};

}  // namespace ebb
