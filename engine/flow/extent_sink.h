// SPDX-License-Identifier: Apache-2.0
// extent_sink.h - where a backup ships to: a repository in this process, or one behind a wire.
//
// One sink serves one run of one volume. All calls come from the I/O thread. Memory is the sink's:
// reserve() hands out room in the order of the calls, records are sealed straight into it, filled()
// gives it back. A filled room is flow control; only a returned commit() means durable.
#pragma once

#include <optional>
#include <span>

#include "engine/repo/envelope.h"
#include "engine/repo/layout.h"
#include "engine/repo/map_reader.h"
#include "engine/repo/map_writer.h"
#include "engine/repo/members.h"
#include "engine/repo/pack_format.h"
#include "engine/repo/pack_writer.h"
#include "engine/repo/point.h"

namespace ebb {

// Asks which of `names` the repository has. Pinned by its owner until `answered` runs.
struct KnownQuery {
  std::span<const Fingerprint> names;
  std::span<std::uint8_t> known;  // 1 for each name that is there.
  void (*answered)(KnownQuery&, Result<void>) = nullptr;
  KnownQuery() = default;
  KnownQuery(const KnownQuery&) = delete;
  KnownQuery& operator=(const KnownQuery&) = delete;
};

// Room for some records, one after the other.
struct ShipRoom {
  MutableBytes bytes;
  PackRoom in_pack;  // For the sink.
  PackWriter* writer = nullptr;
};

struct RunStart {
  RepositoryId repository;
  VolumeId volume;
  DataKeyId data_key;
  std::vector<Envelope> envelopes;  // Of the data key, one for each recipient.
};

struct RunBase {
  // The newest point of this volume by name, and itself where it can be read.
  std::optional<layout::PointName> latest_name;
  std::optional<SignedPoint> latest;
  // Every record that points need is there, as far as the repository knows. If not, a backup also
  // asks for blocks that did not change, and ships again what was lost.
  bool whole = false;
};

class ExtentSink : public PageSink {
 public:
  // Nobody else writes this volume until the sink is gone; busy when somebody does. The envelopes
  // are durable when it returns.
  virtual Result<RunBase> begin(const RunStart& start) = 0;
  // Pages of the base point's map.
  virtual PageSource& pages() = 0;
  virtual void look_up(KnownQuery& query) = 0;
  // True for the first who claims this name in the run: that one ships it.
  virtual bool claim(const Fingerprint& name) = 0;
  // Nothing when there is no room now: run the loop, then ask again.
  virtual Result<std::optional<ShipRoom>> reserve(ByteCount bytes, std::uint64_t records) = 0;
  // The records are in place. `entries[i].at` counts from the room's start.
  virtual void filled(ShipRoom& room, std::span<const TableEntry> entries) = 0;
  // The first error of anything that went on by itself.
  virtual Result<void> health() = 0;
  // How much was stored so far, for counts and progress.
  virtual ByteCount stored() const = 0;
  // Everything shipped is durable when it returns; nothing more is shipped.
  virtual Result<void> flush() = 0;
  // The point is durable when it returns. After flush().
  virtual Result<void> commit(const SignedPoint& point) = 0;
};

}  // namespace ebb
