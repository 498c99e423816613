// SPDX-License-Identifier: Apache-2.0
#include "devmap/partition_table.h"

#include <algorithm>
#include <array>
#include <bit>

#include "devmap/core/limits.h"
#include "devmap/gpt.h"
#include "devmap/mbr.h"
#include "devmap/table_reader.h"

namespace ebb {

namespace {

// How much of a device's or a partition's start holds boot sectors and superblocks: ext4's lies at
// 1 KiB, btrfs's at 64 KiB, LUKS2's first header at 0, LVM's label in the first 2 KiB.
constexpr ByteCount start_of_content = 64_KiB;
// Boot code may lie between the MBR and the first partition, which by custom begins at 1 MiB.
constexpr ByteCount room_for_boot_code = 1_MiB;

constexpr std::array<ByteCount, 4> sector_sizes = {512_B, 1_KiB, 2_KiB, 4_KiB};

// Looks for a GPT header where one of another sector size would lie.
Result<void> look_for_foreign_gpt(ByteSource& source, ByteCount sector, PartitionTable& table,
                                  Problems& problems) {
  for (const ByteCount other : sector_sizes) {
    const SectorDisk disk(source, other, source.size());
    if (other == sector || !TRY(has_gpt_signature(disk, 1))) continue;
    std::string why;
    if (!TRY(read_gpt_copy(disk, 1, why))) continue;
    problems.add("a GPT written for sectors of {} bytes: unreadable with sectors of {}",
                 other.value(), sector.value());
    table.foreign_sector = other;
    // The backup's place is not ours to compute from a header of another world; it is near the end.
    table.own_areas.push_back(ByteRun::of(ByteIndex(0), start_of_content));
    if (source.size() > start_of_content) {
      table.own_areas.push_back(
          ByteRun::of(ByteIndex((source.size() - start_of_content).value()), start_of_content));
    }
    return {};
  }
  return {};
}

bool is_container(const PartitionTable& table, const Partition& partition) {
  return table.kind == TableKind::mbr &&
         (partition.type == "05" || partition.type == "0f" || partition.type == "85");
}

void name_overlaps(const PartitionTable& table, Problems& problems) {
  std::vector<const Partition*> by_place;
  for (const Partition& partition : table.partitions) {
    if (!is_container(table, partition)) by_place.push_back(&partition);
  }
  std::sort(by_place.begin(), by_place.end(),
            [](const Partition* a, const Partition* b) { return a->bytes.begin < b->bytes.begin; });
  // Against the one that reaches furthest so far: every partition that overlaps an earlier one is
  // named once, in n log n.
  const Partition* furthest = nullptr;
  for (const Partition* partition : by_place) {
    if (furthest != nullptr && partition->bytes.touches(furthest->bytes)) {
      problems.add("partitions {} and {} overlap", furthest->number, partition->number);
    }
    if (furthest == nullptr || partition->bytes.end > furthest->bytes.end) furthest = partition;
  }
}

void name_overruns(const PartitionTable& table, ByteCount size, Problems& problems) {
  for (const Partition& partition : table.partitions) {
    if (partition.bytes.end.value() > size.value()) {
      problems.add("partition {} ends at byte {}, past the end of the device at {}",
                   partition.number, partition.bytes.end.value(), size.value());
    }
  }
}

Result<void> read_into(ByteSource& source, ByteCount sector, PartitionTable& table,
                       Problems& problems) {
  const SectorDisk disk(source, sector, source.size());
  if (disk.count() == 0) return {};
  const auto mbr = mbr_in(TRY(disk.read(0, 1)));
  if (mbr && !is_protective(*mbr)) {
    TRY(read_mbr(disk, *mbr, table, problems));
    if (TRY(has_gpt_signature(disk, 1))) {
      problems.add("remains of a GPT lie behind the MBR; they do not count");
    }
    return {};
  }
  if (mbr) {
    const GptCopies copies = TRY(read_gpt_copies(disk));
    if (copies.sound() != nullptr) {
      describe_gpt(disk, copies, table, problems);
      return {};
    }
    TRY(look_for_foreign_gpt(source, sector, table, problems));
    if (table.foreign_sector.none()) describe_gpt(disk, copies, table, problems);
    return {};
  }
  if (TRY(has_gpt_signature(disk, 1))) {
    problems.add("remains of a GPT without a protective MBR; they do not count");
  }
  return {};
}

}  // namespace

// No device reaches there, and sums of places before it do not wrap.
constexpr std::uint64_t furthest_byte = 1ull << 62;

std::optional<ByteRun> run_of_sectors(std::uint64_t first, std::uint64_t n, ByteCount sector) {
  std::uint64_t begin = 0;
  std::uint64_t length = 0;
  std::uint64_t end = 0;
  if (n == 0 || __builtin_mul_overflow(first, sector.value(), &begin) ||
      __builtin_mul_overflow(n, sector.value(), &length) ||
      __builtin_add_overflow(begin, length, &end) || end > furthest_byte) {
    return std::nullopt;
  }
  return ByteRun{ByteIndex(begin), ByteIndex(end)};
}

std::vector<ByteRun> merged(std::vector<ByteRun> runs, ByteCount device_size) {
  const ByteRun whole = ByteRun::of(ByteIndex(0), device_size);
  std::sort(runs.begin(), runs.end(),
            [](const ByteRun& a, const ByteRun& b) { return a.begin < b.begin; });
  std::vector<ByteRun> result;
  for (const ByteRun& run : runs) {
    const ByteRun part = run.shared_with(whole);
    if (part.empty()) continue;
    if (!result.empty() && part.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, part.end);
    } else {
      result.push_back(part);
    }
  }
  return result;
}

std::string_view name_of(TableKind kind) {
  switch (kind) {
    case TableKind::none: return "none";
    case TableKind::mbr: return "mbr";
    case TableKind::gpt: return "gpt";
  }
  return "none";
}

Result<PartitionTable> read_partition_table(ByteSource& disk, ByteCount logical_sector) {
  if (std::find(sector_sizes.begin(), sector_sizes.end(), logical_sector) == sector_sizes.end()) {
    return fail(Error::invalid("a logical sector of {} bytes", logical_sector.value()));
  }
  PartitionTable table;
  table.sector = logical_sector;
  Problems problems;
  auto read = read_into(disk, logical_sector, table, problems);
  if (!read) return fail(read.error().during("reading the partition table"));
  name_overruns(table, disk.size(), problems);
  name_overlaps(table, problems);
  table.own_areas = merged(std::move(table.own_areas), disk.size());
  table.problems = problems.take();
  return table;
}

std::vector<ByteRun> boot_areas(const PartitionTable& table, ByteCount device_size) {
  std::vector<ByteRun> areas = table.own_areas;
  ByteIndex first_content = ByteIndex(0) + room_for_boot_code;
  for (const Partition& partition : table.partitions) {
    first_content = std::min(first_content, partition.bytes.begin);
    areas.push_back(
        {partition.bytes.begin,
         std::min(partition.bytes.end,
                  partition.bytes.begin + std::min(start_of_content, partition.bytes.length()))});
  }
  if (table.kind == TableKind::none) first_content = ByteIndex(0) + start_of_content;
  areas.push_back({ByteIndex(0), first_content});
  return merged(std::move(areas), device_size);
}

ByteIndex last_used_byte(const PartitionTable& table, ByteCount device_size) {
  const ByteIndex device_end = ByteIndex(0) + device_size;
  if (table.kind == TableKind::none || table.partitions.empty()) return device_end;
  ByteIndex end;
  for (const Partition& partition : table.partitions) end = std::max(end, partition.bytes.end);
  return std::min(end, device_end);
}

}  // namespace ebb
