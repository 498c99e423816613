// SPDX-License-Identifier: Apache-2.0
// mbr.h - the partition table of the PC BIOS: four entries, and a chain of them for logical ones.
//
// Inside devmap; others use partition_table.h. Layout: UEFI 2.10, 5.2.1; the chain of extended boot
// records as Linux and libblkid walk it. What tells a table from the boot sector of a file system
// follows libblkid: boot flags are 00 or 80, and the sector is no FAT, exFAT or NTFS.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "devmap/core/endian.h"
#include "devmap/partition_table.h"
#include "devmap/table_reader.h"

namespace ebb {

struct MbrEntryOnDisk {
  std::uint8_t flags;
  std::array<std::uint8_t, 3> first_chs;
  std::uint8_t type;
  std::array<std::uint8_t, 3> last_chs;
  Le32 first_lba;
  Le32 sectors;
};
static_assert(sizeof(MbrEntryOnDisk) == 16);

struct MbrOnDisk {
  std::array<std::uint8_t, 440> code;
  Le32 disk_signature;
  Le16 reserved;
  std::array<MbrEntryOnDisk, 4> entries;
  std::array<std::uint8_t, 2> magic;  // 55 AA
};
static_assert(sizeof(MbrOnDisk) == 512);

inline constexpr std::uint8_t protective_type = 0xee;

// The sector as an MBR, if it is one and not the boot sector of a file system.
std::optional<MbrOnDisk> mbr_in(Bytes first_sector);

// Is one of its entries the protective one of a GPT?
bool is_protective(const MbrOnDisk& mbr);

// Fills kind, id, partitions and own_areas from an MBR that is not protective.
Result<void> read_mbr(const SectorDisk& disk, const MbrOnDisk& mbr, PartitionTable& table,
                      Problems& problems);

}  // namespace ebb
