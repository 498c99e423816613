// SPDX-License-Identifier: Apache-2.0
// made_up_records.h - packs that nobody backed up: record i is the same in every run.
//
// Names are as evenly spread as fingerprints are. Whoever knows how many packs were added knows
// every name that is in the index, and as many that are not, without keeping a list. A pack has as
// many records as one of 64 MiB, but their payloads have 16 bytes, so that 10^8 fit on a disk.
#pragma once

#include <vector>

#include "engine/repo/record_index.h"

namespace ebb::bench {

struct MadeUpRecords {
  static constexpr std::uint32_t payload_size = 16;
  static constexpr std::uint32_t record_size = sizeof(RecordHeaderOnDisk) + payload_size;
  static constexpr std::uint64_t in_one_pack = 2000;  // Blocks of 64 KiB that shrink to a half.

  PackId pack(std::uint64_t number) const;
  std::vector<TableEntry> table(std::uint64_t pack_number) const;
  RecordName name(std::uint64_t number) const;
  RecordName absent_name(std::uint64_t number) const;
  RecordPlace place(std::uint64_t number) const;
};

}  // namespace ebb::bench
