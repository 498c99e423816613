// SPDX-License-Identifier: Apache-2.0
// xfs_on_disk.h - what XFS has on the disk, as far as free space and an empty log need it.
//
// Inside devmap/allocation. Everything has its high byte first but for the checksums, which have
// their low byte first. Names and offsets: the kernel's fs/xfs/libxfs/xfs_format.h and
// xfs_log_format.h. Fields that nothing here reads are bytes with the name of what they are about.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "devmap/core/endian.h"
#include "devmap/crc32.h"

namespace ebb {

using XfsUuid = std::array<std::uint8_t, 16>;

// In the first sector of each allocation group; only that of the first one is kept up to date.
struct XfsSuperblockOnDisk {
  Be32 magic;
  Be32 block_size;
  Be64 blocks;  // Of the data device.
  std::array<std::uint8_t, 16> realtime_size;
  XfsUuid uuid;    // What users see; log records bear it.
  Be64 log_start;  // Group and block in it; 0: the log is on another device.
  std::array<std::uint8_t, 28> inodes_and_realtime;
  Be32 group_blocks;
  Be32 groups;
  Be32 bitmap_blocks;
  Be32 log_blocks;
  Be16 version;  // In the low four bits; above them features.
  Be16 sector_size;
  std::array<std::uint8_t, 4> inode_size;
  std::array<char, 12> label;
  std::uint8_t block_log;
  std::uint8_t sector_log;
  std::array<std::uint8_t, 2> inode_log;
  std::uint8_t group_blocks_log;  // Rounded up.
  std::uint8_t realtime_log;
  std::uint8_t in_progress;  // mkfs has not finished.
  std::uint8_t inodes_percent;
  std::array<std::uint8_t, 72> counters_and_quota;
  Be32 features2;
  Be32 bad_features2;
  // From here in version 5 only.
  Be32 compatible_features;
  Be32 read_only_features;
  Be32 incompatible_features;
  Be32 log_features;
  Le32 checksum;  // Of the sector.
  Be32 sparse_inodes;
  std::array<std::uint8_t, 16> quota_and_sequence;
  XfsUuid metadata_uuid;  // What metadata bear, with the feature of that name.
};
static_assert(sizeof(XfsSuperblockOnDisk) == 264);
static_assert(offsetof(XfsSuperblockOnDisk, log_start) == 48);
static_assert(offsetof(XfsSuperblockOnDisk, group_blocks) == 84);
static_assert(offsetof(XfsSuperblockOnDisk, version) == 100);
static_assert(offsetof(XfsSuperblockOnDisk, block_log) == 120);
static_assert(offsetof(XfsSuperblockOnDisk, in_progress) == 126);
static_assert(offsetof(XfsSuperblockOnDisk, features2) == 200);
static_assert(offsetof(XfsSuperblockOnDisk, checksum) == 224);
static_assert(offsetof(XfsSuperblockOnDisk, metadata_uuid) == 248);

inline constexpr std::uint32_t xfs_magic = 0x58465342;           // "XFSB"
inline constexpr std::uint16_t xfs_version_bits = 0x000f;        // Of `version`.
inline constexpr std::uint16_t xfs_shared_bit = 0x0200;          // Never had a meaning.
inline constexpr std::uint16_t xfs_log_version_2_bit = 0x0400;   // Version 5 implies it.
inline constexpr std::uint16_t xfs_directory_2_bit = 0x2000;     // Older ones are of IRIX.
inline constexpr std::uint16_t xfs_more_features_bit = 0x8000;   // `features2` counts.
inline constexpr std::uint32_t xfs_metadata_uuid_feature = 0x4;  // Of `incompatible_features`.
inline constexpr std::uint32_t xfs_needs_repair_feature = 0x10;

// The free space of one allocation group, in the group's second sector.
struct XfsAgfOnDisk {
  Be32 magic;
  Be32 version;
  Be32 group;   // Its number.
  Be32 length;  // In blocks.
  Be32 by_block_root;
  Be32 by_count_root;
  Be32 reverse_root;
  Be32 by_block_levels;
  Be32 by_count_levels;
  Be32 reverse_levels;
  std::array<std::uint8_t, 12> reserve;  // Blocks for growing trees; they are in no tree.
  Be32 free_blocks;
  Be32 longest;
  Be32 tree_blocks;
  // From here in version 5 only.
  XfsUuid uuid;
  std::array<std::uint8_t, 128> reverse_and_shared;
  Be64 sequence;
  Le32 checksum;  // Of the sector.
  Be32 reserved;
};
static_assert(sizeof(XfsAgfOnDisk) == 224);
static_assert(offsetof(XfsAgfOnDisk, by_block_levels) == 28);
static_assert(offsetof(XfsAgfOnDisk, free_blocks) == 52);
static_assert(offsetof(XfsAgfOnDisk, uuid) == 64);
static_assert(offsetof(XfsAgfOnDisk, checksum) == 216);

inline constexpr std::uint32_t xfs_agf_magic = 0x58414746;  // "XAGF"
inline constexpr std::uint32_t xfs_agf_version = 1;

// What a block of a tree within one allocation group begins with. Version 4 has the first 16 bytes
// of it. A leaf has records behind it; a node has room for as many keys as fit with their pointers
// (Be32), and the pointers behind that room.
struct XfsTreeBlockOnDisk {
  Be32 magic;
  Be16 level;  // 0 in leaves.
  Be16 records;
  Be32 left;  // Siblings; xfs_no_block at the ends.
  Be32 right;
  Be64 place;  // On the device, in 512 bytes.
  Be64 sequence;
  XfsUuid uuid;
  Be32 group;
  Le32 checksum;  // Of the block.
};
static_assert(sizeof(XfsTreeBlockOnDisk) == 56);
static_assert(offsetof(XfsTreeBlockOnDisk, place) == 16);
static_assert(offsetof(XfsTreeBlockOnDisk, checksum) == 52);

inline constexpr std::size_t xfs_tree_header_4 = offsetof(XfsTreeBlockOnDisk, place);
inline constexpr std::size_t xfs_tree_header_5 = sizeof(XfsTreeBlockOnDisk);
inline constexpr std::uint32_t xfs_by_block_magic_4 = 0x41425442;  // "ABTB"
inline constexpr std::uint32_t xfs_by_block_magic_5 = 0x41423342;  // "AB3B"
inline constexpr std::uint32_t xfs_no_block = 0xffffffff;

// A free extent, and the key of one.
struct XfsFreeRecordOnDisk {
  Be32 first;
  Be32 count;
};
static_assert(sizeof(XfsFreeRecordOnDisk) == 8);

// The first block of 512 bytes of a log record. Blocks that continue it begin with the cycle, too.
struct XfsLogRecordOnDisk {
  Be32 magic;
  Be32 cycle;  // How often the log was written from its beginning.
  Be32 version;
  Be32 length;  // In bytes, of what follows the header's blocks.
  Be64 sequence;
  Be64 tail_sequence;
  Le32 checksum;
  Be32 previous;
  Be32 operations;
  std::array<Be32, 64> replaced;  // What the cycle was put over in the blocks that follow.
  Be32 format;
  XfsUuid uuid;
  Be32 size;  // Version 2: of the buffer in memory; says how many blocks the header has.
  std::array<std::uint8_t, 188> reserved;
};
static_assert(sizeof(XfsLogRecordOnDisk) == 512);
static_assert(offsetof(XfsLogRecordOnDisk, operations) == 40);
static_assert(offsetof(XfsLogRecordOnDisk, format) == 300);
static_assert(offsetof(XfsLogRecordOnDisk, size) == 320);

inline constexpr std::uint32_t xfs_log_magic = 0xfeedbabe;  // Never a cycle.

// What each operation of a record begins with.
struct XfsLogOperationOnDisk {
  Be32 transaction;
  Be32 length;
  std::uint8_t client;
  std::uint8_t flags;
  Be16 reserved;
};
static_assert(sizeof(XfsLogOperationOnDisk) == 12);

inline constexpr std::uint8_t xfs_log_client = 0xaa;
inline constexpr std::uint8_t xfs_log_unmounted = 0x20;

// Of a sector or a block; its own field, which lies at `field`, counts as zero.
inline std::uint32_t xfs_checksum(Bytes bytes, std::size_t field) {
  Crc32c crc;
  crc.add(bytes.first(field));
  crc.add(std::array<std::byte, sizeof(Le32)>{});
  crc.add(bytes.subspan(field + sizeof(Le32)));
  return crc.value();
}

}  // namespace ebb
