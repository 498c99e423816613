// SPDX-License-Identifier: Apache-2.0
#include "devmap/gpt.h"

#include <bit>
#include <cstring>

#include "devmap/crc32.h"

namespace ebb {

namespace {

constexpr std::string_view signature = "EFI PART";

bool signed_as_gpt(const GptHeaderOnDisk& header) {
  return std::string_view(header.signature.data(), header.signature.size()) == signature;
}

// Why the header cannot be believed; empty when it can. Looks at nothing but the header's sector.
std::string fault_of(const GptHeaderOnDisk& header, Bytes sector, const SectorDisk& disk,
                     std::uint64_t lba) {
  if (!signed_as_gpt(header)) return "no signature";
  const std::uint32_t size = header.header_size.value();
  if (size < sizeof(GptHeaderOnDisk) || size > sector.size()) {
    return fmt::format("a header of {} bytes", size);
  }
  ByteVector copy = copy_of(sector.first(size));
  std::memset(copy.data() + offsetof(GptHeaderOnDisk, header_crc), 0, sizeof(Le32));
  if (Crc32::of(copy) != header.header_crc.value()) return "the header's CRC is wrong";
  if (header.my_lba.value() != lba) {
    return fmt::format("the header says it lies at sector {}", header.my_lba.value());
  }
  const std::uint32_t entry_size = header.entry_size.value();
  if (entry_size < sizeof(GptEntryOnDisk) || !std::has_single_bit(entry_size)) {
    return fmt::format("entries of {} bytes", entry_size);
  }
  const std::uint64_t bytes = std::uint64_t{entry_size} * header.entry_count.value();
  if (bytes == 0 || bytes > max_gpt_entries.value()) {
    return fmt::format("{} entries of {} bytes", header.entry_count.value(), entry_size);
  }
  const std::uint64_t entries_lba = header.entries_lba.value();
  const std::uint64_t sectors = disk.sectors_for(bytes);
  if (entries_lba < 2 || !disk.contains(entries_lba, sectors)) {
    return fmt::format("entries at sector {}", entries_lba);
  }
  if (entries_lba <= lba && lba < entries_lba + sectors) return "entries over the header";
  const std::uint64_t first = header.first_usable_lba.value();
  const std::uint64_t last = header.last_usable_lba.value();
  // last may be one before first: no room for any partition.
  if (first < 2 || last == UINT64_MAX || first > last + 1) {
    return fmt::format("usable sectors from {} to {}", first, last);
  }
  if (entries_lba <= last && first < entries_lba + sectors) return "entries in the usable sectors";
  return "";
}

void append_utf8(std::string& text, char32_t c) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

// UTF-16 up to the first zero; half a pair becomes U+FFFD.
std::string name_text(const std::array<Le16, 36>& name) {
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char32_t unit = name[i].value();
    if (unit == 0) break;
    const bool high = unit >= 0xd800 && unit < 0xdc00;
    if (high && i + 1 < name.size()) {
      const char32_t low = name[i + 1].value();
      if (low >= 0xdc00 && low < 0xe000) {
        append_utf8(text, 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00)));
        ++i;
        continue;
      }
    }
    append_utf8(text, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
  }
  return text;
}

void add_own_areas(const SectorDisk& disk, const GptCopy& copy, PartitionTable& table) {
  table.own_areas.push_back(ByteRun::of(disk.place(copy.header.my_lba.value()), disk.sector()));
  table.own_areas.push_back(ByteRun::of(disk.place(copy.header.entries_lba.value()),
                                        disk.sector() * disk.sectors_for(copy.entry_bytes())));
}

void add_partitions(const SectorDisk& disk, const GptCopy& copy, PartitionTable& table,
                    Problems& problems) {
  const GptHeaderOnDisk& header = copy.header;
  for (std::uint32_t i = 0; i < header.entry_count.value(); ++i) {
    const auto entry = copy.entry(i);
    if (!entry) continue;
    const std::uint64_t first = entry->first_lba.value();
    const std::uint64_t last = entry->last_lba.value();
    const auto run = first <= last && last - first < UINT64_MAX
                         ? run_of_sectors(first, last - first + 1, disk.sector())
                         : std::nullopt;
    if (!run) {
      problems.add("partition {} goes from sector {} to {}: left out", i + 1, first, last);
      continue;
    }
    if (first < header.first_usable_lba.value() || last > header.last_usable_lba.value()) {
      problems.add("partition {} lies outside the usable sectors", i + 1);
    }
    table.partitions.push_back(
        {i + 1, *run, guid_text(entry->type), guid_text(entry->guid), name_text(entry->name)});
  }
}

void compare_copies(const GptCopies& copies, Problems& problems) {
  const GptHeaderOnDisk& a = copies.primary->header;
  const GptHeaderOnDisk& b = copies.backup->header;
  if (a.disk_guid != b.disk_guid || a.entries_crc != b.entries_crc ||
      a.entry_count != b.entry_count || a.entry_size != b.entry_size) {
    problems.add("the primary and the backup GPT differ; the primary is used");
  }
}

}  // namespace

std::optional<GptEntryOnDisk> GptCopy::entry(std::uint32_t i) const {
  const std::size_t at = std::size_t{i} * header.entry_size.value();
  EBB_CHECK(at + sizeof(GptEntryOnDisk) <= entries.size(), "an entry past the array");
  GptEntryOnDisk entry;
  std::memcpy(&entry, entries.data() + at, sizeof entry);
  if (entry.type == std::array<std::uint8_t, 16>{}) return std::nullopt;
  return entry;
}

std::string guid_text(const std::array<std::uint8_t, 16>& guid) {
  constexpr std::array<std::size_t, 16> order = {3, 2, 1,  0,  5,  4,  7,  6,
                                                 8, 9, 10, 11, 12, 13, 14, 15};
  std::string text;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", guid[order[i]]);
  }
  return text;
}

Result<bool> has_gpt_signature(const SectorDisk& disk, std::uint64_t lba) {
  if (!disk.contains(lba, 1)) return false;
  const auto sector = TRY(disk.read(lba, 1));
  return text_of(Bytes(sector).first(signature.size())) == signature;
}

Result<std::optional<GptCopy>> read_gpt_copy(const SectorDisk& disk, std::uint64_t lba,
                                             std::string& why) {
  if (!disk.contains(lba, 1)) {
    why = "it would lie past the end";
    return std::nullopt;
  }
  GptCopy copy;
  copy.header_sector = TRY(disk.read(lba, 1));
  std::memcpy(&copy.header, copy.header_sector.data(), sizeof copy.header);
  why = fault_of(copy.header, copy.header_sector, disk, lba);
  if (!why.empty()) return std::nullopt;
  const std::uint64_t bytes =
      std::uint64_t{copy.header.entry_size.value()} * copy.header.entry_count.value();
  copy.entries = TRY(disk.read(copy.header.entries_lba.value(), disk.sectors_for(bytes)));
  copy.entries.resize(bytes);
  if (Crc32::of(copy.entries) != copy.header.entries_crc.value()) {
    why = "the CRC of the entries is wrong";
    return std::nullopt;
  }
  return copy;
}

Result<GptCopies> read_gpt_copies(const SectorDisk& disk) {
  GptCopies copies;
  if (disk.count() < 3) {
    copies.primary_why = copies.backup_why = "the device is too small for one";
    return copies;
  }
  copies.primary = TRY(read_gpt_copy(disk, 1, copies.primary_why));
  if (copies.primary) {
    const std::uint64_t elsewhere = copies.primary->header.alternate_lba.value();
    if (elsewhere > 1 && elsewhere != disk.last()) {
      copies.backup = TRY(read_gpt_copy(disk, elsewhere, copies.backup_why));
      if (copies.backup) return copies;
    }
  }
  copies.backup = TRY(read_gpt_copy(disk, disk.last(), copies.backup_why));
  return copies;
}

void describe_gpt(const SectorDisk& disk, const GptCopies& copies, PartitionTable& table,
                  Problems& problems) {
  const GptCopy* sound = copies.sound();
  if (!copies.primary) problems.add("the primary GPT is not sound: {}", copies.primary_why);
  if (!copies.backup) problems.add("the backup GPT is not sound: {}", copies.backup_why);
  if (sound == nullptr) return;
  table.kind = TableKind::gpt;
  table.id = guid_text(sound->header.disk_guid);
  table.own_areas.push_back(ByteRun::of(ByteIndex(0), disk.sector() * 2));
  if (copies.primary) add_own_areas(disk, *copies.primary, table);
  if (copies.backup) {
    add_own_areas(disk, *copies.backup, table);
    if (copies.backup->header.my_lba.value() != disk.last()) {
      problems.add("the backup GPT lies at sector {}, not in the last one",
                   copies.backup->header.my_lba.value());
    }
  }
  if (copies.primary && copies.backup) compare_copies(copies, problems);
  if (sound->header.last_usable_lba.value() >= disk.count()) {
    problems.add("the usable sectors end past the device, at sector {}",
                 sound->header.last_usable_lba.value());
  }
  add_partitions(disk, *sound, table, problems);
}

}  // namespace ebb
