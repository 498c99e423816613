// SPDX-License-Identifier: Apache-2.0
// ids.h - what things in a repository are called.
#pragma once

#include "devmap/core/bytes.h"
#include "engine/crypto/digest.h"
#include "engine/stage/fingerprint.h"
#include "engine/stage/record_context.h"

namespace ebb {

using VolumeId = Name<16, struct VolumeIdTag>;  // Keyed digest of the volume's name (source_key.h).
using PackId = Name<16, struct PackIdTag>;      // Random.
using DataKeyId = Name<16, struct DataKeyIdTag>;    // Random; one a run.
using PointId = Name<32, struct PointIdTag>;        // SHA-256 of the point's signed bytes.
using PageDigest = Name<32, struct PageDigestTag>;  // SHA-256 of a map page's bytes.

// What a record in a pack holds.
enum class RecordKind : std::uint8_t {
  block = 1,   // A sealed block; named by its fingerprint.
  page = 2,    // A map page, in clear; named by its digest.
  object = 3,  // A small object inside a difference file, in clear; named by its SHA-256.
};

// The name of a record of any kind: a fingerprint, a page digest, an object's SHA-256.
using RecordName = Name<32, struct RecordNameTag>;
inline RecordName record_name(const Fingerprint& f) {
  return {f.bytes};
}
inline RecordName record_name(const PageDigest& d) {
  return {d.bytes};
}
inline RecordName record_name(const Digest& d) {
  return {d.bytes};
}

// Where a record lies. `at` counts from the pack's start and points at the record's header.
struct RecordPlace {
  PackId pack;
  std::uint32_t at = 0;
  std::uint32_t stored_length = 0;  // Of the payload; the header comes before it.
  auto operator<=>(const RecordPlace&) const = default;
};

}  // namespace ebb
