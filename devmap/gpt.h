// SPDX-License-Identifier: Apache-2.0
// gpt.h - the GUID partition table: two headers, two arrays of entries, four CRCs.
//
// Inside devmap; others use partition_table.h. Layout and rules: UEFI 2.10, 5.3. A copy is sound
// when its header's CRC, its own place, its bounds and its entries' CRC all agree; nothing of a
// copy that is not sound is used.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "devmap/core/endian.h"
#include "devmap/partition_table.h"
#include "devmap/table_reader.h"

namespace ebb {

struct GptHeaderOnDisk {
  std::array<char, 8> signature;  // "EFI PART"
  Le32 revision;
  Le32 header_size;
  Le32 header_crc;  // Of header_size bytes, with this field as 0.
  Le32 reserved;
  Le64 my_lba;
  Le64 alternate_lba;
  Le64 first_usable_lba;
  Le64 last_usable_lba;
  std::array<std::uint8_t, 16> disk_guid;
  Le64 entries_lba;
  Le32 entry_count;
  Le32 entry_size;
  Le32 entries_crc;
};
static_assert(sizeof(GptHeaderOnDisk) == 92);
static_assert(offsetof(GptHeaderOnDisk, my_lba) == 24);
static_assert(offsetof(GptHeaderOnDisk, entries_lba) == 72);

struct GptEntryOnDisk {
  std::array<std::uint8_t, 16> type;
  std::array<std::uint8_t, 16> guid;
  Le64 first_lba;
  Le64 last_lba;  // Inclusive.
  Le64 attributes;
  std::array<Le16, 36> name;  // UTF-16
};
static_assert(sizeof(GptEntryOnDisk) == 128);

// The kernel's own bound is 4 MiB; tables in the wild have 16 KiB.
inline constexpr ByteCount max_gpt_entries = 1_MiB;

// One sound copy.
struct GptCopy {
  GptHeaderOnDisk header;
  ByteVector header_sector;  // As it lies on disk, with what follows the header.
  ByteVector entries;        // entry_count * entry_size bytes.

  std::uint64_t entry_bytes() const { return entries.size(); }
  // The i-th entry, or nothing when it is unused.
  std::optional<GptEntryOnDisk> entry(std::uint32_t i) const;
};

// Is there a GPT header signature at this sector?
Result<bool> has_gpt_signature(const SectorDisk& disk, std::uint64_t lba);

// The copy whose header lies at `lba`; nothing, and `why` says so, when it is not sound.
Result<std::optional<GptCopy>> read_gpt_copy(const SectorDisk& disk, std::uint64_t lba,
                                             std::string& why);

struct GptCopies {
  std::optional<GptCopy> primary;
  std::optional<GptCopy> backup;
  std::string primary_why;  // Why not, when absent.
  std::string backup_why;
  const GptCopy* sound() const { return primary ? &*primary : backup ? &*backup : nullptr; }
};

// Both copies: the backup where the primary says, else in the last sector.
Result<GptCopies> read_gpt_copies(const SectorDisk& disk);

// Fills kind, id, partitions and own_areas from what copies there are; kind stays none when no copy
// is sound.
void describe_gpt(const SectorDisk& disk, const GptCopies& copies, PartitionTable& table,
                  Problems& problems);

// "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": the first three fields are little-endian on disk.
std::string guid_text(const std::array<std::uint8_t, 16>& guid);

}  // namespace ebb
