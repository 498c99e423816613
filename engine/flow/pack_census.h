// SPDX-License-Identifier: Apache-2.0
// pack_census.h - which records of one pack are needed, and which can go.
//
// A record lies dead when no point needs it, or when a sound copy of it lies elsewhere and is the
// one that is found. Whatever is in doubt is no census: damaged, and the pack is left alone.
#pragma once

#include "engine/flow/mark.h"

namespace ebb {

struct PackCensus {
  PackId pack;
  DataKeyId data_key;
  ByteCount length;                // Of the file.
  ByteCount live;                  // Of records, with their headers.
  ByteCount dead;                  // Likewise.
  std::vector<TableEntry> needed;  // In the order of the pack.
};

Result<PackCensus> take_census(Repository& repository, Mark& mark, const PackId& pack);

// What a record takes in a pack.
inline ByteCount length_of(const TableEntry& record) {
  return ByteCount(sizeof(RecordHeaderOnDisk) + std::uint64_t{record.stored_length});
}

}  // namespace ebb
