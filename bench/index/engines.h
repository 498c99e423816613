// SPDX-License-Identifier: Apache-2.0
// engines.h - the engines that could hold the index, behind the engine's own seam.
//
// RocksDB is the one that ebb uses, opened as ebb opens it. LMDB and SQLite are here to be compared
// with it: the same keys and values, one transaction a pack, and settings with which a power loss
// takes the newest packs at most. Nothing else may use them.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "devmap/core/endian.h"
#include "engine/repo/record_index.h"

namespace ebb::bench {

enum class Engine { rocksdb, lmdb, sqlite };
std::optional<Engine> engine_of(std::string_view name);

Result<std::unique_ptr<RecordIndex>> open_engine(Engine engine, const std::string& path,
                                                 IndexAccess access);
Result<std::unique_ptr<RecordIndex>> open_lmdb(const std::string& path, IndexAccess access);
Result<std::unique_ptr<RecordIndex>> open_sqlite(const std::string& path, IndexAccess access);

// The key and the value of all engines.
struct PlaceOnDisk {
  std::array<std::byte, 16> pack;
  Le32 at;
  Le32 stored_length;
};
static_assert(sizeof(PlaceOnDisk) == 24 && alignof(PlaceOnDisk) == 1);
inline PlaceOnDisk to_disk(const PackId& pack, const TableEntry& entry) {
  return {pack.bytes, Le32(entry.at), Le32(entry.stored_length)};
}
inline RecordPlace place_of(const void* bytes) {
  PlaceOnDisk place;
  std::memcpy(&place, bytes, sizeof place);
  return {PackId{place.pack}, place.at.value(), place.stored_length.value()};
}

}  // namespace ebb::bench
