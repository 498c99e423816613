// SPDX-License-Identifier: Apache-2.0
// Any bytes as a disk: the parser never crashes, and what it says holds together; what
// move_backup_gpt makes of it is a table that the parser finds sound.
//
// Input: one byte of choices (bit 0: sectors of 4096, bit 1: make the CRCs right), two bytes of the
// new size in sectors, then the disk.
#include <algorithm>
#include <cstring>

#include "devmap/crc32.h"
#include "devmap/gpt.h"
#include "devmap/partition_table.h"

namespace {

using namespace ebb;

void mend_header(ByteVector& disk, std::size_t sector, std::uint64_t lba) {
  if (disk.size() / sector <= lba) return;
  const std::size_t at = static_cast<std::size_t>(lba) * sector;
  GptHeaderOnDisk header;
  std::memcpy(&header, disk.data() + at, sizeof header);
  std::uint64_t begin = 0;
  const std::uint64_t length =
      std::uint64_t{header.entry_count.value()} * header.entry_size.value();
  if (!__builtin_mul_overflow(header.entries_lba.value(), sector, &begin) && begin < disk.size() &&
      length <= disk.size() - begin) {
    header.entries_crc =
        Le32(Crc32::of(Bytes(disk).subspan(static_cast<std::size_t>(begin), length)));
  }
  header.header_crc = Le32(0);
  std::memcpy(disk.data() + at, &header, sizeof header);
  header.header_crc = Le32(Crc32::of(
      Bytes(disk).subspan(at, std::min<std::size_t>(header.header_size.value(), sector))));
  std::memcpy(disk.data() + at, &header, sizeof header);
}

void check_table(const PartitionTable& table, ByteCount size) {
  for (const Partition& partition : table.partitions) {
    EBB_CHECK(!partition.bytes.empty(), "an empty partition");
  }
  EBB_CHECK(table.problems.size() <= 65, "a flood of problems");
  EBB_CHECK(last_used_byte(table, size).value() <= size.value(), "used past the end");
  for (const auto& areas : {table.own_areas, boot_areas(table, size)}) {
    for (std::size_t i = 0; i < areas.size(); ++i) {
      EBB_CHECK(!areas[i].empty() && areas[i].end.value() <= size.value(), "an area off the disk");
      EBB_CHECK(i == 0 || areas[i - 1].end < areas[i].begin, "areas out of order");
    }
  }
}

void check_move(const ByteVector& disk, const PartitionTable& table, ByteCount sector,
                ByteCount new_size) {
  MemorySource source(disk);
  const auto patches = move_backup_gpt(source, sector, source.size(), new_size);
  if (!patches || patches->empty()) return;
  EBB_CHECK(table.kind == TableKind::gpt, "a GPT is moved that is not read");
  ByteVector moved = disk;
  moved.resize(new_size.size());
  for (const Patch& patch : *patches) {
    EBB_CHECK(patch.at.value() + patch.bytes.size() <= moved.size(), "a patch off the disk");
    std::memcpy(moved.data() + patch.at.value(), patch.bytes.data(), patch.bytes.size());
  }
  MemorySource new_source(moved);
  const auto after = read_partition_table(new_source, sector);
  EBB_CHECK(after && after->kind == TableKind::gpt, "the moved GPT is not read");
  EBB_CHECK(after->partitions == table.partitions, "partitions are lost");
  for (const std::string& problem : after->problems) {
    EBB_CHECK(problem.find("not sound") == std::string::npos, problem);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const ByteCount sector = (data[0] & 1) != 0 ? 4_KiB : 512_B;
  const ByteCount new_size = sector * ((data[1] | static_cast<unsigned>(data[2]) << 8) & 0x3ff);
  ByteVector disk(size - 3);
  std::memcpy(disk.data(), data + 3, disk.size());
  if ((data[0] & 2) != 0) {
    mend_header(disk, sector.size(), 1);
    if (disk.size() >= sector.size()) {
      mend_header(disk, sector.size(), disk.size() / sector.size() - 1);
    }
  }
  MemorySource source(disk);
  const auto table = read_partition_table(source, sector);
  EBB_CHECK(table, "memory is always readable");
  check_table(*table, source.size());
  check_move(disk, *table, sector, new_size);
  return 0;
}
