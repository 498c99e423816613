// SPDX-License-Identifier: Apache-2.0
// layout.h - where things lie in a repository's folder. docs/format/README.md is the reference.
#pragma once

#include <string>

#include "engine/repo/ids.h"
#include "engine/repo/keyring.h"

namespace ebb::layout {

inline constexpr const char* config = "repository";
inline constexpr const char* packs = "packs";
inline constexpr const char* points = "points";
inline constexpr const char* keys = "keys";
inline constexpr const char* members = "members";
inline constexpr const char* envelopes = "envelopes";
inline constexpr const char* lost = "lost";
inline constexpr const char* temporary = "tmp";
inline constexpr const char* index = "index";
inline constexpr const char* writer_lock = "writer.lock";
inline constexpr const char* readers_lock = "readers.lock";
inline constexpr const char* minimum_age = "minimum-age";

std::string pack(const PackId& pack);  // packs/ID.pack
std::string envelope(const DataKeyId& key, const HpkePublicKey& recipient);
std::string volume_folder(const VolumeId& volume);     // points/VOLUME
std::string members_record(std::uint64_t epoch);       // members/EPOCH
std::string keyring_folder(std::uint64_t generation);  // keys/GENERATION
std::string keyring(std::uint64_t generation);         // keys/GENERATION/keyring
std::string slot(std::uint64_t generation, const SlotId& slot);

// A point's file: its sequence, then its id, so that a listing is in order.
struct PointName {
  VolumeId volume;
  std::uint64_t sequence = 0;
  PointId id;
  auto operator<=>(const PointName&) const = default;
  std::string path() const;
};
std::optional<PointName> point_name_of(const VolumeId& volume, std::string_view file);
std::optional<PackId> pack_id_of(std::string_view file);
std::optional<DataKeyId> data_key_of_envelope(std::string_view file);
std::optional<std::uint64_t> number_of(std::string_view sixteen_hex_digits);

}  // namespace ebb::layout
