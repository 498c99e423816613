// SPDX-License-Identifier: Apache-2.0
#include "devmap/allocation/xfs_shape.h"

#include <array>
#include <bit>
#include <cstring>

namespace ebb {

namespace {

// Bounds of the format.
constexpr std::uint64_t min_unit = 512;
constexpr std::uint64_t max_block = 64 * 1024;
constexpr std::uint64_t max_sector = 32 * 1024;
constexpr std::uint64_t min_group_blocks = 64;
constexpr std::uint64_t max_group_bytes = 1ull << 40;
constexpr std::uint64_t max_log_bytes = 1ull << 31;
// A group begins with the superblock, the AGF, the AGI and the AGFL, a sector each.
constexpr std::uint64_t header_sectors = 4;

// Counters, attributes, project ids and types in directories. None is about free space.
constexpr std::uint32_t known_features2 = 0x2 | 0x8 | 0x80 | 0x200;
// Types in directories, sparse inodes, the metadata's own UUID, large timestamps, large counts of
// extents, exchanged ranges, parent pointers. The trees of free space are the same with all of
// them. What came later (a metadata directory, zones) moves things about and is not known here.
constexpr std::uint32_t known_incompatible =
    0x1 | 0x2 | xfs_metadata_uuid_feature | 0x8 | 0x20 | 0x40 | 0x80;

bool is_size(std::uint64_t size, std::uint8_t log, std::uint64_t max) {
  return size >= min_unit && size <= max && std::has_single_bit(size) &&
         std::countr_zero(size) == log;
}

Result<XfsVersion> version_of(const XfsSuperblockOnDisk& disk) {
  const std::uint16_t bits = disk.version.value();
  const int version = bits & xfs_version_bits;
  if (version == 5) return XfsVersion::five;
  if (version != 4 || (bits & xfs_directory_2_bit) == 0) {
    return fail(Error::invalid("an XFS of version {:#x}; versions 4 and 5 are known", bits));
  }
  const std::uint32_t more = (bits & xfs_more_features_bit) != 0 ? disk.features2.value() : 0;
  if ((bits & xfs_shared_bit) != 0 || (more & ~known_features2) != 0) {
    return fail(Error::invalid("an XFS with features that are not known: {:#x} {:#x}", bits, more));
  }
  return XfsVersion::four;
}

Result<void> check_checksum(ByteSource& source, ByteIndex begin, const XfsSuperblockOnDisk& disk) {
  ByteVector sector(disk.sector_size.value());
  TRY(during(source.read(begin, sector), "reading the superblock of an XFS"));
  const std::size_t field = offsetof(XfsSuperblockOnDisk, checksum);
  if (xfs_checksum(sector, field) != disk.checksum.value()) {
    return fail(Error::damaged("the superblock's checksum is wrong"));
  }
  return {};
}

Result<void> check_features(const XfsSuperblockOnDisk& disk) {
  const std::uint32_t features = disk.incompatible_features.value();
  if ((features & xfs_needs_repair_feature) != 0) {
    return fail(Error::invalid("the XFS says that it needs a repair"));
  }
  if ((features & ~known_incompatible) != 0) {
    return fail(Error::invalid("an XFS with features that are not known: {:#x}", features));
  }
  return {};
}

Result<void> check_sizes(const XfsSuperblockOnDisk& disk, ByteCount room) {
  const std::uint64_t block = disk.block_size.value();
  const std::uint64_t sector = disk.sector_size.value();
  if (!is_size(block, disk.block_log, max_block) || sector > block) {
    return fail(Error::damaged("blocks of {} bytes in sectors of {}", block, sector));
  }
  const std::uint64_t groups = disk.groups.value();
  const std::uint64_t length = disk.group_blocks.value();
  if (length < min_group_blocks || length > max_group_bytes / block ||
      static_cast<std::uint64_t>(std::bit_width(length - 1)) != disk.group_blocks_log) {
    return fail(Error::damaged("allocation groups of {} blocks of {} bytes", length, block));
  }
  const std::uint64_t blocks = disk.blocks.value();
  // 32 bits times 32 bits: nothing here wraps.
  if (groups == 0 || blocks > groups * length ||
      blocks < (groups - 1) * length + min_group_blocks) {
    return fail(Error::damaged("{} blocks in {} groups of {}", blocks, groups, length));
  }
  if (blocks > room.value() / block) {
    return fail(
        Error::damaged("an XFS of {} blocks of {} bytes in {} bytes", blocks, block, room.value()));
  }
  return {};
}

Result<XfsLogPlace> log_of(const XfsSuperblockOnDisk& disk, const XfsShape& shape) {
  const std::uint64_t start = disk.log_start.value();
  if (start == 0) return fail(Error::invalid("the log of the XFS is on another device"));
  const std::uint64_t group = start >> disk.group_blocks_log;
  const std::uint64_t first = start & ((1ull << disk.group_blocks_log) - 1);
  const std::uint64_t length = disk.log_blocks.value();
  const auto blocks = XfsBlockRun::of(XfsBlockIndex(first), XfsBlockCount(length));
  if (group >= shape.groups || length == 0 || length > max_log_bytes / shape.block.value() ||
      !shape.usable_blocks(static_cast<std::uint32_t>(group)).contains(blocks)) {
    return fail(Error::damaged("a log of {} blocks at block {} of group {}", length, first, group));
  }
  XfsLogPlace log;
  log.group = static_cast<std::uint32_t>(group);
  log.blocks = blocks;
  log.bytes = shape.place_of(log.group, blocks);
  const bool second =
      shape.version == XfsVersion::five || (disk.version.value() & xfs_log_version_2_bit) != 0;
  log.version = second ? XfsLogVersion::two : XfsLogVersion::one;
  log.uuid = disk.uuid;
  return log;
}

}  // namespace

Result<XfsShape> XfsShape::read(ByteSource& source, ByteRun area) {
  if (area.empty() || area.length().value() < min_unit) return fail(Error::absent("no XFS"));
  std::array<std::byte, min_unit> first{};
  TRY(during(source.read(area.begin, first), "reading the superblock of an XFS"));
  XfsSuperblockOnDisk disk;
  std::memcpy(&disk, first.data(), sizeof disk);
  if (disk.magic.value() != xfs_magic) return fail(Error::absent("no XFS begins here"));

  XfsShape shape;
  shape.begin = area.begin;
  shape.version = TRY(version_of(disk));
  if (!is_size(disk.sector_size.value(), disk.sector_log, max_sector) ||
      disk.sector_size.value() > area.length().value()) {
    return fail(Error::damaged("sectors of {} bytes", disk.sector_size.value()));
  }
  if (shape.version == XfsVersion::five) {
    TRY(check_checksum(source, area.begin, disk));
    TRY(check_features(disk));
  }
  if (disk.in_progress != 0) return fail(Error::damaged("making the XFS was not finished"));
  TRY(check_sizes(disk, area.length()));
  shape.block = ByteCount(disk.block_size.value());
  shape.sector = ByteCount(disk.sector_size.value());
  shape.groups = disk.groups.value();
  shape.group_blocks = XfsBlockCount(disk.group_blocks.value());
  shape.last_group_blocks =
      XfsBlockCount(disk.blocks.value()) - shape.group_blocks * (shape.groups - 1);
  const bool own_uuid = shape.version == XfsVersion::five &&
                        (disk.incompatible_features.value() & xfs_metadata_uuid_feature) != 0;
  shape.metadata_uuid = own_uuid ? disk.metadata_uuid : disk.uuid;
  shape.log = TRY(log_of(disk, shape));
  return shape;
}

XfsBlockRun XfsShape::usable_blocks(std::uint32_t group) const {
  const std::uint64_t headers = round_up(sector * header_sectors, block).value() / block.value();
  const XfsBlockCount length = group + 1 == groups ? last_group_blocks : group_blocks;
  return {XfsBlockIndex(headers), XfsBlockIndex(length.value())};
}

ByteIndex XfsShape::group_begin(std::uint32_t group) const {
  return begin + block * group_blocks.value() * group;
}

ByteRun XfsShape::place_of(std::uint32_t group, XfsBlockRun blocks) const {
  return ByteRun::of(group_begin(group) + block * blocks.begin.value(),
                     block * blocks.length().value());
}

}  // namespace ebb
