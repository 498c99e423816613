// SPDX-License-Identifier: Apache-2.0
// move_gpt.cc - the GPT of a disk, made right for a disk of another size.
//
// What `sgdisk --move-second-header` does, as patches: nothing is written here. The header is taken
// from the copy that is sound, so attributes, GUIDs and bytes after the header stay as they are.
#include <algorithm>
#include <cstring>

#include "devmap/crc32.h"
#include "devmap/gpt.h"
#include "devmap/mbr.h"
#include "devmap/partition_table.h"
#include "devmap/table_reader.h"

namespace ebb {

namespace {

// Where everything lies on the new disk, in sectors.
struct Layout {
  std::uint64_t primary_entries;
  std::uint64_t entry_sectors;
  std::uint64_t last_usable;
  std::uint64_t backup_entries;
  std::uint64_t backup_header;
};

bool entries_lie_at(const SectorDisk& disk, const GptCopy& copy, std::uint64_t lba) {
  const std::uint64_t n = disk.sectors_for(copy.entry_bytes());
  if (!disk.contains(lba, n)) return false;
  auto bytes = disk.read(lba, n);
  if (!bytes) return false;
  return same_bytes(Bytes(*bytes).first(copy.entries.size()), copy.entries);
}

// The backup header doesn't say where the primary entries lie: by custom from sector 2, else right
// before the usable sectors.
std::uint64_t primary_entries_of(const SectorDisk& disk, const GptCopies& copies) {
  if (copies.primary) return copies.primary->header.entries_lba.value();
  const std::uint64_t n = disk.sectors_for(copies.backup->entry_bytes());
  const std::uint64_t first_usable = copies.backup->header.first_usable_lba.value();
  if (first_usable < n + 2) return 2;
  const bool at_the_usual_place = entries_lie_at(disk, *copies.backup, 2);
  if (!at_the_usual_place && entries_lie_at(disk, *copies.backup, first_usable - n)) {
    return first_usable - n;
  }
  return 2;
}

Result<Layout> lay_out(const SectorDisk& old_disk, const GptCopies& copies,
                       std::uint64_t new_count) {
  const GptCopy& sound = *copies.sound();
  Layout layout{};
  layout.entry_sectors = old_disk.sectors_for(sound.entry_bytes());
  layout.primary_entries = primary_entries_of(old_disk, copies);
  const std::uint64_t first_usable = sound.header.first_usable_lba.value();
  if (layout.primary_entries + layout.entry_sectors > first_usable) {
    return fail(Error::damaged("the primary GPT has no room before sector {}", first_usable));
  }
  // At the least one usable sector, the backup entries and the backup header.
  if (new_count < layout.entry_sectors + 2 || new_count - layout.entry_sectors - 2 < first_usable) {
    return fail(Error::mismatch("{} sectors have no room for the GPT, whose partitions begin at {}",
                                new_count, first_usable));
  }
  layout.backup_header = new_count - 1;
  layout.backup_entries = layout.backup_header - layout.entry_sectors;
  layout.last_usable = layout.backup_entries - 1;
  for (std::uint32_t i = 0; i < sound.header.entry_count.value(); ++i) {
    const auto entry = sound.entry(i);
    if (entry && entry->last_lba.value() > layout.last_usable) {
      return fail(Error::mismatch("partition {} ends at sector {}; the last usable one would be {}",
                                  i + 1, entry->last_lba.value(), layout.last_usable));
    }
  }
  return layout;
}

// A header's sector for one of the two places, CRC and all.
ByteVector header_for(const GptCopy& sound, const Layout& layout, bool primary) {
  GptHeaderOnDisk header = sound.header;
  header.my_lba = Le64(primary ? 1 : layout.backup_header);
  header.alternate_lba = Le64(primary ? layout.backup_header : 1);
  header.entries_lba = Le64(primary ? layout.primary_entries : layout.backup_entries);
  header.last_usable_lba = Le64(layout.last_usable);
  header.header_crc = Le32(0);
  ByteVector sector = sound.header_sector;
  std::memcpy(sector.data(), &header, sizeof header);
  header.header_crc = Le32(Crc32::of(Bytes(sector).first(header.header_size.value())));
  std::memcpy(sector.data(), &header, sizeof header);
  return sector;
}

ByteVector entries_for(const SectorDisk& disk, const GptCopy& sound) {
  ByteVector entries = sound.entries;
  entries.resize((disk.sector() * disk.sectors_for(sound.entry_bytes())).size());
  return entries;
}

// The protective entry says how many sectors it protects, all that 32 bits can say at most.
std::uint32_t protected_sectors(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count - 1, UINT32_MAX));
}

// Changes the sector only when its protective entry covers the old disk: what a hybrid MBR or a
// tool that writes 0xffffffff always has put there is left alone.
bool move_protective_entry(ByteVector& first_sector, std::uint64_t old_count,
                           std::uint64_t new_count) {
  MbrOnDisk mbr;
  std::memcpy(&mbr, first_sector.data(), sizeof mbr);
  bool changed = false;
  for (MbrEntryOnDisk& entry : mbr.entries) {
    if (entry.type != protective_type || entry.first_lba.value() != 1 ||
        entry.sectors.value() != protected_sectors(old_count) ||
        entry.sectors.value() == protected_sectors(new_count)) {
      continue;
    }
    entry.sectors = Le32(protected_sectors(new_count));
    changed = true;
  }
  std::memcpy(first_sector.data(), &mbr, sizeof mbr);
  return changed;
}

}  // namespace

Result<std::vector<Patch>> move_backup_gpt(ByteSource& old_disk, ByteCount logical_sector,
                                           ByteCount old_size, ByteCount new_size) {
  if (logical_sector != 512_B && logical_sector != 1_KiB && logical_sector != 2_KiB &&
      logical_sector != 4_KiB) {
    return fail(Error::invalid("a logical sector of {} bytes", logical_sector.value()));
  }
  if (old_size > old_disk.size()) {
    return fail(Error::invalid("a disk of {} bytes is asked for more: {}", old_disk.size().value(),
                               old_size.value()));
  }
  const SectorDisk disk(old_disk, logical_sector, old_size);
  const std::uint64_t new_count = new_size.value() / logical_sector.value();
  std::vector<Patch> patches;
  if (disk.count() < 3 || disk.count() == new_count) return patches;
  ByteVector first_sector = TRY(disk.read(0, 1));
  const auto mbr = mbr_in(first_sector);
  if (!mbr || !is_protective(*mbr)) return patches;

  const GptCopies copies = TRY(read_gpt_copies(disk));
  if (copies.sound() == nullptr) {
    return fail(Error::damaged("neither GPT is sound: primary: {}; backup: {}", copies.primary_why,
                               copies.backup_why));
  }
  const Layout layout = TRY(during(lay_out(disk, copies, new_count), "moving the backup GPT"));
  const GptCopy& sound = *copies.sound();
  if (move_protective_entry(first_sector, disk.count(), new_count)) {
    patches.push_back({disk.place(0), std::move(first_sector)});
  }
  patches.push_back({disk.place(1), header_for(sound, layout, true)});
  if (!copies.primary) {
    patches.push_back({disk.place(layout.primary_entries), entries_for(disk, sound)});
  }
  patches.push_back({disk.place(layout.backup_entries), entries_for(disk, sound)});
  patches.push_back({disk.place(layout.backup_header), header_for(sound, layout, false)});
  return patches;
}

}  // namespace ebb
