// SPDX-License-Identifier: Apache-2.0
#include "devmap/mbr.h"

#include <bit>
#include <cstring>
#include <set>
#include <string_view>

namespace ebb {

namespace {

// A chain longer than this is a loop or a joke; the kernel stops at 255 partitions a disk.
constexpr unsigned max_logical = 255;

bool is_extended(std::uint8_t type) {
  return type == 0x05 || type == 0x0f || type == 0x85;
}

std::string_view text_at(Bytes sector, std::size_t at, std::size_t length) {
  return text_of(sector.subspan(at, length));
}

std::uint8_t byte_at(Bytes sector, std::size_t at) {
  return static_cast<std::uint8_t>(sector[at]);
}

unsigned short_at(Bytes sector, std::size_t at) {
  return byte_at(sector, at) | static_cast<unsigned>(byte_at(sector, at + 1)) << 8;
}

// FAT has no signature that can be trusted (the text is a label), so its numbers must make sense.
bool is_fat(Bytes sector) {
  const bool named =
      text_at(sector, 0x52, 5) == "MSWIN" || text_at(sector, 0x52, 8) == "FAT32   " ||
      text_at(sector, 0x36, 5) == "MSDOS" || text_at(sector, 0x36, 8) == "FAT16   " ||
      text_at(sector, 0x36, 8) == "FAT12   " || text_at(sector, 0x36, 8) == "FAT     ";
  const bool jumps = byte_at(sector, 0) == 0xeb || byte_at(sector, 0) == 0xe9;
  if (!named && !jumps) return false;
  // OS/2 puts a FAT-like header before file systems of its own.
  const auto label = text_at(sector, 0x36, 8);
  if (!named && (label == "JFS     " || label == "HPFS    ")) return false;
  const unsigned sector_size = short_at(sector, 0x0b);
  const unsigned per_cluster = byte_at(sector, 0x0d);
  const unsigned reserved = short_at(sector, 0x0e);
  const unsigned fats = byte_at(sector, 0x10);
  const unsigned media = byte_at(sector, 0x15);
  return fats != 0 && reserved != 0 && (media >= 0xf8 || media == 0xf0) &&
         std::has_single_bit(per_cluster) && std::has_single_bit(sector_size) &&
         sector_size >= 512 && sector_size <= 4096;
}

bool is_file_system(Bytes sector) {
  return text_at(sector, 3, 8) == "NTFS    " || text_at(sector, 3, 8) == "EXFAT   " ||
         is_fat(sector);
}

std::string uuid_of(const PartitionTable& table, unsigned number) {
  return fmt::format("{}-{:02x}", table.id, number);
}

// Walks the extended boot records inside one extended partition.
class LogicalWalk {
 public:
  LogicalWalk(const SectorDisk& disk, PartitionTable& table, Problems& problems)
      : disk_(disk), table_(table), problems_(problems) {}

  Result<void> walk(std::uint64_t base, unsigned& number) {
    std::uint64_t at = base;
    std::set<std::uint64_t> seen;
    for (;;) {
      if (!seen.insert(at).second || seen.size() > max_logical) {
        problems_.add("the chain of extended boot records does not end (at sector {})", at);
        return {};
      }
      if (!disk_.contains(at, 1)) {
        problems_.add("an extended boot record lies past the end, at sector {}", at);
        return {};
      }
      const auto sector = TRY(disk_.read(at, 1));
      MbrOnDisk record;
      std::memcpy(&record, sector.data(), sizeof record);
      if (record.magic != std::array<std::uint8_t, 2>{0x55, 0xaa}) {
        problems_.add("no extended boot record at sector {}, where the chain points", at);
        return {};
      }
      table_.own_areas.push_back(ByteRun::of(disk_.place(at), disk_.sector()));
      const auto next = take_record(record, base, at, number);
      if (!next) return {};
      at = *next;
    }
  }

 private:
  // One record: data entries count from the record itself, the link from the extended partition.
  std::optional<std::uint64_t> take_record(const MbrOnDisk& record, std::uint64_t base,
                                           std::uint64_t at, unsigned& number) {
    std::optional<std::uint64_t> next;
    for (std::size_t i = 0; i < record.entries.size(); ++i) {
      const MbrEntryOnDisk& entry = record.entries[i];
      if (entry.type == 0 || entry.sectors.value() == 0) continue;
      if (is_extended(entry.type)) {
        if (!next) next = base + entry.first_lba.value();
        continue;
      }
      if (i >= 2) continue;  // The last two are rubbish in practice, and unused by definition.
      const auto run =
          run_of_sectors(at + entry.first_lba.value(), entry.sectors.value(), disk_.sector());
      table_.partitions.push_back(
          {number, *run, fmt::format("{:02x}", entry.type), uuid_of(table_, number), ""});
      ++number;
    }
    return next;
  }

  const SectorDisk& disk_;
  PartitionTable& table_;
  Problems& problems_;
};

}  // namespace

std::optional<MbrOnDisk> mbr_in(Bytes first_sector) {
  EBB_CHECK(first_sector.size() >= sizeof(MbrOnDisk), "an MBR is looked for in less than a sector");
  MbrOnDisk mbr;
  std::memcpy(&mbr, first_sector.data(), sizeof mbr);
  if (mbr.magic != std::array<std::uint8_t, 2>{0x55, 0xaa}) return std::nullopt;
  for (const MbrEntryOnDisk& entry : mbr.entries) {
    if (entry.flags != 0 && entry.flags != 0x80) return std::nullopt;
  }
  // A protective MBR is one whatever else the boot code looks like.
  if (!is_protective(mbr) && is_file_system(first_sector)) return std::nullopt;
  return mbr;
}

bool is_protective(const MbrOnDisk& mbr) {
  for (const MbrEntryOnDisk& entry : mbr.entries) {
    if (entry.type == protective_type) return true;
  }
  return false;
}

Result<void> read_mbr(const SectorDisk& disk, const MbrOnDisk& mbr, PartitionTable& table,
                      Problems& problems) {
  table.kind = TableKind::mbr;
  table.id = fmt::format("{:08x}", mbr.disk_signature.value());
  table.own_areas.push_back(ByteRun::of(ByteIndex(0), disk.sector()));
  unsigned logical_number = 5;
  bool extended_seen = false;
  for (unsigned i = 0; i < mbr.entries.size(); ++i) {
    const MbrEntryOnDisk& entry = mbr.entries[i];
    if (entry.type == 0) continue;
    // 32-bit numbers: cannot wrap.
    const auto run = run_of_sectors(entry.first_lba.value(), entry.sectors.value(), disk.sector());
    if (!run) {
      problems.add("partition {} has no sectors", i + 1);
      continue;
    }
    table.partitions.push_back(
        {i + 1, *run, fmt::format("{:02x}", entry.type), uuid_of(table, i + 1), ""});
    if (!is_extended(entry.type)) continue;
    if (extended_seen) problems.add("partition {} is a second extended partition", i + 1);
    extended_seen = true;
    TRY(LogicalWalk(disk, table, problems).walk(entry.first_lba.value(), logical_number));
  }
  if (table.partitions.empty()) problems.add("the partition table is empty");
  return {};
}

}  // namespace ebb
