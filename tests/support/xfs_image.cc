// SPDX-License-Identifier: Apache-2.0
#include "tests/support/xfs_image.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "devmap/core/check.h"
#include "tests/support/xfs_log_image.h"

namespace ebb::test {

namespace {

constexpr XfsUuid uuid = {0x6e, 0x62, 0x62, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

template <class T>
std::optional<T> get_within(Bytes bytes, std::uint64_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

void seal_object(MutableBytes bytes, std::uint64_t at, std::uint64_t size, std::size_t field) {
  if (at > bytes.size() || bytes.size() - at < size || size < field + sizeof(Le32)) return;
  const MutableBytes object = bytes.subspan(at, size);
  const Le32 checksum(xfs_checksum(object, field));
  std::memcpy(object.data() + field, &checksum, sizeof checksum);
}

}  // namespace

XfsImage::XfsImage(const XfsImageOptions& options)
    : bytes((std::size_t{options.groups - 1} * options.group_blocks + options.last_group_blocks) *
            block),
      options_(options) {
  put_superblock();
  put_log();
  for (std::uint32_t group = 0; group < options.groups; ++group) set_free(group, {});
}

void XfsImage::put_superblock() {
  XfsSuperblockOnDisk disk{};
  disk.magic = Be32(xfs_magic);
  disk.block_size = Be32(block);
  disk.blocks = Be64(bytes.size() / block);
  disk.uuid = uuid;
  disk.log_start = Be64(log_first);
  disk.group_blocks = Be32(options_.group_blocks);
  disk.groups = Be32(options_.groups);
  disk.log_blocks = Be32(log_blocks);
  disk.version = Be16(options_.version == XfsVersion::five ? 0xb4a5 : 0xb4a4);
  disk.sector_size = Be16(block);
  disk.block_log = disk.sector_log = 9;
  disk.group_blocks_log = static_cast<std::uint8_t>(std::bit_width(options_.group_blocks - 1));
  disk.features2 = Be32(options_.version == XfsVersion::five ? 0x18a : 0x8a);
  if (options_.version == XfsVersion::five) disk.incompatible_features = Be32(3);
  set(disk);
}

void XfsImage::put_log() {
  XfsLogImage log(log_blocks);
  log.append({.uuid = uuid});
  std::copy(log.bytes.begin(), log.bytes.end(),
            bytes.begin() + static_cast<std::ptrdiff_t>(place(0, log_first)));
}

template <class Entry, class PutEntry>
std::vector<XfsImage::Child> XfsImage::put_level(std::uint32_t group, std::uint32_t level,
                                                 std::uint32_t first,
                                                 const std::vector<Entry>& entries,
                                                 const PutEntry& put_entry) {
  const std::size_t in_block = level == 0 ? options_.records : options_.children;
  const std::size_t blocks = std::max<std::size_t>(1, (entries.size() + in_block - 1) / in_block);
  std::vector<Child> children;
  for (std::size_t b = 0; b < blocks; ++b) {
    const auto number = static_cast<std::uint32_t>(first + b);
    const std::size_t from = b * in_block;
    const std::size_t count = std::min(in_block, entries.size() - from);
    const bool five = options_.version == XfsVersion::five;
    XfsTreeBlockOnDisk header{};
    header.magic = Be32(five ? xfs_by_block_magic_5 : xfs_by_block_magic_4);
    header.level = Be16(static_cast<std::uint16_t>(level));
    header.records = Be16(static_cast<std::uint16_t>(count));
    header.left = Be32(b == 0 ? xfs_no_block : number - 1);
    header.right = Be32(b + 1 == blocks ? xfs_no_block : number + 1);
    header.place = Be64(place(group, number) / 512);
    header.uuid = uuid;
    header.group = Be32(group);
    set(group, number, header);
    for (std::size_t i = 0; i < count; ++i) {
      put_entry(number, static_cast<std::uint32_t>(i), entries[from + i]);
    }
    const auto key = get<XfsFreeRecordOnDisk>(place(group, number) + header_size());
    children.push_back({number, key.first});
  }
  return children;
}

void XfsImage::set_free(std::uint32_t group, const std::vector<XfsBlockRun>& runs) {
  const auto put_run = [&](std::uint32_t number, std::uint32_t i, const XfsBlockRun& run) {
    set_record(group, number, i,
               {Be32(static_cast<std::uint32_t>(run.begin.value())),
                Be32(static_cast<std::uint32_t>(run.length().value()))});
  };
  const auto put_node = [&](std::uint32_t number, std::uint32_t i, const Child& child) {
    put_child(group, number, i, child);
  };
  std::vector<Child> top = put_level(group, 0, tree_first, runs, put_run);
  std::uint32_t levels = 1;
  for (; top.size() > 1; ++levels) {
    top = put_level(group, levels, top.back().number + 1, top, put_node);
  }
  XfsAgfOnDisk disk{};
  std::uint64_t free = 0;
  std::uint64_t longest = 0;
  for (const XfsBlockRun& run : runs) {
    EBB_CHECK(run.begin.value() > top[0].number, "the tree has grown over what it says is free");
    free += run.length().value();
    longest = std::max(longest, run.length().value());
  }
  const bool last = group + 1 == options_.groups;
  disk.magic = Be32(xfs_agf_magic);
  disk.version = Be32(xfs_agf_version);
  disk.group = Be32(group);
  disk.length = Be32(last ? options_.last_group_blocks : options_.group_blocks);
  disk.by_block_root = Be32(top[0].number);
  disk.by_block_levels = Be32(levels);
  disk.free_blocks = Be32(static_cast<std::uint32_t>(free));
  disk.longest = Be32(static_cast<std::uint32_t>(longest));
  disk.uuid = uuid;
  set(group, disk);
  seal();
}

void XfsImage::set_record(std::uint32_t group, std::uint32_t number, std::uint32_t i,
                          XfsFreeRecordOnDisk record) {
  put(place(group, number) + header_size() + i * sizeof record, record);
}

void XfsImage::put_child(std::uint32_t group, std::uint32_t number, std::uint32_t i,
                         const Child& child) {
  set_record(group, number, i, {child.first, Be32(1)});
  const std::size_t room = (block - header_size()) / (sizeof(XfsFreeRecordOnDisk) + sizeof(Be32));
  put(place(group, number) + header_size() + room * sizeof(XfsFreeRecordOnDisk) + i * sizeof(Be32),
      Be32(child.number));
}

void XfsImage::set_pointer(std::uint32_t group, std::uint32_t number, std::uint32_t to) {
  put_child(group, number, 0, {to, Be32(0)});
}

void XfsImage::seal() {
  if (options_.version == XfsVersion::five) seal_xfs(bytes);
}

void seal_xfs(MutableBytes bytes) {
  const auto disk = get_within<XfsSuperblockOnDisk>(bytes, 0);
  if (!disk) return;
  const std::uint64_t sector = disk->sector_size.value();
  const std::uint64_t block = disk->block_size.value();
  seal_object(bytes, 0, sector, offsetof(XfsSuperblockOnDisk, checksum));
  const std::uint64_t group_size = block * disk->group_blocks.value();
  for (std::uint64_t at = 0; group_size != 0 && at < bytes.size(); at += group_size) {
    const auto agf = get_within<XfsAgfOnDisk>(bytes, at + sector);
    if (!agf || agf->magic.value() != xfs_agf_magic) continue;
    seal_object(bytes, at + sector, sector, offsetof(XfsAgfOnDisk, checksum));
  }
  for (std::uint64_t at = 0; block != 0 && at < bytes.size(); at += block) {
    const auto header = get_within<XfsTreeBlockOnDisk>(bytes, at);
    if (!header || header->magic.value() != xfs_by_block_magic_5) continue;
    seal_object(bytes, at, block, offsetof(XfsTreeBlockOnDisk, checksum));
  }
}

}  // namespace ebb::test
