// SPDX-License-Identifier: Apache-2.0
// verify.h - proves that a point can be restored, or says which blocks cannot.
#pragma once

#include "devmap/dirty_map.h"
#include "engine/flow/blocks_wanted.h"
#include "engine/flow/compare.h"
#include "engine/flow/observer.h"
#include "engine/flow/record_opener.h"

namespace ebb {

struct VerifyReport {
  BlockCount blocks;   // Of the point.
  BlockCount checked;  // Records looked at.
  ByteCount read;      // From packs, or from the compared device.
  // Of a compared device: blocks that hold something, and the point may have left them out.
  BlockCount left_out;
  std::vector<Damage> damages;
};

// How thorough a check of records is.
enum class RecordCheck {
  sound,   // CRC, name, length: what rot breaks. Needs no key.
  opened,  // Opens each record and compares its fingerprint.
};

struct VerifyWorld {
  ExtentSource& source;
  Loop& loop;
  Workers& workers;
  Arena& arena;  // verify_memory() or Compare::memory() is cut from it.
  Observer& observer;
  const StopFlag& stop;
};
constexpr ByteCount verify_memory() {
  return RecordWalk::memory();
}

// Checks the point's blocks that are wanted. With an opener, which
// RecordCheck::opened needs, the data keys of all records are found too.
Result<VerifyReport> verify_records(const VerifyWorld& world, const Point& point, RecordCheck check,
                                    RecordOpener* opener, const BlocksWanted& wanted);

// Compares a device with the point, by fingerprints. Where the point left blocks out, which is what
// `about` says, its zero blocks are not compared.
Result<VerifyReport> verify_against(const VerifyWorld& world, const Point& point,
                                    const PointAbout& about, BlockDevice& device,
                                    const IdKey& id_key);

// The damages of neighbours that have the same cause become one.
void join_neighbours(std::vector<Damage>& damages);

}  // namespace ebb
