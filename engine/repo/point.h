// SPDX-License-Identifier: Apache-2.0
// point.h - a recovery point: the whole volume at one instant.
//
// Signed by its source and naming its predecessor, so a dropped, swapped or forged point is found.
// The clear part is what a storage agent needs (map root, sizes, data key); names and passport are
// a sealed label. docs/format/point.md is the reference.
#pragma once

#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "devmap/passport.h"
#include "devmap/source/change_source.h"
#include "engine/crypto/signature.h"
#include "engine/repo/label.h"
#include "engine/repo/map_reader.h"

namespace ebb {

// What a run found and moved; for people, nothing is decided by it.
struct PointCounts {
  BlockCount zero;     // Blocks that are zero.
  BlockCount changed;  // Blocks that differ from the predecessor.
  BlockCount shipped;  // Blocks that the repository did not have.
  ByteCount read;      // From the device.
  ByteCount stored;    // Added to the repository by this run.
};

struct Point {
  RepositoryId repository;
  VolumeId volume;
  VerifyKey source;
  DataKeyId data_key;          // Of the run that made this point.
  std::uint64_t sequence = 1;  // Within the volume; the predecessor's and one.
  PointId predecessor;         // Zero for the first.
  WallTime created;            // By the source's clock.
  BlockGrid grid{ByteCount(0), BlockSize::standard()};
  PageDigest map;
  std::uint64_t members_epoch = 0;
  SourceKind found_by = SourceKind::scan;
  PointCounts counts;
  SealedLabel about;

  MapRoot root() const { return {map, grid.count()}; }
};

// How it was found out what changed before this point, and what the next run has to know for that.
struct ChangeProof {
  std::optional<ProofToken> token;  // Of the source that watches from this point on.
  std::uint64_t clean = 0;          // Blocks that were called so.
  std::uint64_t audited = 0;        // Of them, read again as a random sample.
  BlockIndex slice_end;             // Where the slice ended that was read again.
};

// The sealed part.
struct PointAbout {
  std::string volume_name;
  Passport passport;
  // Bytes that the device could not give; the blocks around them hold zeroes there.
  std::vector<ByteRun> unreadable;
  // How many of the zero blocks, at most, were not read, because file systems called them free.
  BlockCount left_out = {};
  ChangeProof changes = {};
};

struct SignedPoint {
  Point point;
  PointId id;
  ByteVector body;  // What a point object holds: the signed bytes and the signature.
};

SignedPoint sign_point(Point point, const SigningSeed& seed);
// Parses and checks everything but the signature.
Result<SignedPoint> unpack_point(Bytes body);
// Whether the signature is that of `point.source`.
bool signature_is_right(const SignedPoint& point);

SealedLabel seal_about(const PointAbout& about, const Point& point, const IdKey& key,
                       Random& random);
Result<PointAbout> open_about(const Point& point, const IdKey& key);

}  // namespace ebb
