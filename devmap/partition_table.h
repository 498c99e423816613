// SPDX-License-Identifier: Apache-2.0
// partition_table.h - what lies where on a disk, as its partition table says.
//
// Reads GPT (UEFI 2.10, chapter 5) and MBR with its logical partitions, for a given logical sector
// size, and never believes them: whatever makes no sense is named in `problems` and left out. A
// table that only looks like one (the boot sector of a file system) is none. What the kernel would
// not see as a table is not one here either: a GPT counts only behind a protective MBR.
//
// It knows nothing of devices; it reads a ByteSource.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "devmap/byte_source.h"
#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

struct Partition {
  unsigned number = 0;  // As in the kernel's names: 1 is sda1; logical partitions from 5.
  ByteRun bytes;        // Never empty, never wrapped; may end past the device (then a problem).
  std::string type;     // GPT: lower-case GUID. MBR: two hexadecimal digits ("83", "0f").
  std::string uuid;     // The kernel's PARTUUID.
  std::string name;     // GPT only, UTF-8.
  bool operator==(const Partition&) const = default;
};

enum class TableKind : std::uint8_t { none, mbr, gpt };
std::string_view name_of(TableKind kind);  // "none", "mbr", "gpt"

struct PartitionTable {
  TableKind kind = TableKind::none;
  std::string id;    // GPT: disk GUID. MBR: disk signature, 8 hexadecimal digits.
  ByteCount sector;  // The logical sector size it was read with.
  std::vector<Partition> partitions;
  // Sentences for people. Some are harmless (a backup GPT away from the end), none is hidden.
  std::vector<std::string> problems;
  // Where the table itself lies: MBR, GPT headers and entries, EBRs. Sorted, apart, clipped.
  std::vector<ByteRun> own_areas;
  // Not 0 when a GPT written for sectors of another size was seen: it is unreadable here.
  ByteCount foreign_sector;
  bool operator==(const PartitionTable&) const = default;
};

// A device that has no table is an ordinary answer (kind none). Fails when it cannot be read, or
// when `logical_sector` is no sector size.
Result<PartitionTable> read_partition_table(ByteSource& disk, ByteCount logical_sector);

// Every place that makes a disk look whole: the table's own areas, what lies before the first
// partition (boot code, at most the first MiB), and the first 64 KiB of every partition (boot
// sectors, superblocks); without a table the first 64 KiB. Sorted, merged, clipped to the device.
std::vector<ByteRun> boot_areas(const PartitionTable& table, ByteCount device_size);

// Where the last partition ends; a smaller disk that holds this much can take all of it (the backup
// GPT can be moved, see move_backup_gpt). The device's end when there is no table or when the table
// names no partition, for then nothing says which bytes matter.
ByteIndex last_used_byte(const PartitionTable& table, ByteCount device_size);

struct Patch {
  ByteIndex at;
  ByteVector bytes;
};

// What to write so that the GPT of a disk of `old_size` is right on a disk of `new_size`: the
// protective MBR's size where it covers the disk, the primary header, the backup entries and the
// backup header at the new end. Whole sectors, sorted by place, apart from each other. Works from
// whichever copy is sound and then mends the other. Empty when there is no GPT or when the sizes
// are equal; mismatch when a partition does not fit; damaged when no copy is sound.
Result<std::vector<Patch>> move_backup_gpt(ByteSource& old_disk, ByteCount logical_sector,
                                           ByteCount old_size, ByteCount new_size);

}  // namespace ebb
