// SPDX-License-Identifier: Apache-2.0
#include "tests/support/gpt_image.h"

#include <cstring>

#include "devmap/crc32.h"
#include "devmap/mbr.h"

namespace ebb::test {

GptImage::GptImage(ByteCount sector, std::uint64_t sectors, std::uint32_t entry_count,
                   std::uint32_t entry_size)
    : bytes((sector * sectors).size()),
      sector_(sector.size()),
      sectors_(sectors),
      entry_sectors_((std::uint64_t{entry_count} * entry_size + sector.value() - 1) /
                     sector.value()),
      entry_count_(entry_count),
      entry_size_(entry_size) {
  put_mbr(bytes, 0, {{protective_type, 1, static_cast<std::uint32_t>(sectors - 1)}}, 0);
  for (const bool primary : {true, false}) {
    GptHeaderOnDisk header{};
    std::memcpy(header.signature.data(), "EFI PART", 8);
    header.revision = Le32(0x00010000);
    header.header_size = Le32(sizeof header);
    header.my_lba = Le64(primary ? 1 : backup_lba());
    header.alternate_lba = Le64(primary ? backup_lba() : 1);
    header.first_usable_lba = Le64(first_usable());
    header.last_usable_lba = Le64(last_usable());
    header.disk_guid = {0x44, 0x33, 0x22, 0x11, 0x66, 0x55, 0x88, 0x77,
                        0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01};
    header.entries_lba = Le64(primary ? 2 : last_usable() + 1);
    header.entry_count = Le32(entry_count);
    header.entry_size = Le32(entry_size);
    put_header(primary, header);
  }
  seal();
}

GptHeaderOnDisk GptImage::header(bool primary) const {
  GptHeaderOnDisk header;
  std::memcpy(&header, bytes.data() + place(primary ? 1 : backup_lba()), sizeof header);
  return header;
}

void GptImage::put_header(bool primary, const GptHeaderOnDisk& header) {
  std::memcpy(bytes.data() + place(primary ? 1 : backup_lba()), &header, sizeof header);
}

void GptImage::put_entry(std::uint32_t i, std::uint64_t first, std::uint64_t last,
                         const std::string& name) {
  GptEntryOnDisk entry{};
  entry.type = {0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
                0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4};
  entry.guid.fill(static_cast<std::uint8_t>(i + 1));
  entry.first_lba = Le64(first);
  entry.last_lba = Le64(last);
  for (std::size_t c = 0; c < name.size() && c < entry.name.size(); ++c) {
    entry.name[c] = Le16(static_cast<std::uint16_t>(static_cast<unsigned char>(name[c])));
  }
  for (const std::uint64_t lba : {std::uint64_t{2}, last_usable() + 1}) {
    std::memcpy(bytes.data() + place(lba) + std::size_t{i} * entry_size_, &entry, sizeof entry);
  }
}

void GptImage::seal_copy(bool primary) {
  GptHeaderOnDisk head = header(primary);
  const std::size_t entries = place(primary ? 2 : last_usable() + 1);
  const std::size_t length = std::size_t{entry_count_} * entry_size_;
  head.entries_crc = Le32(Crc32::of(Bytes(bytes).subspan(entries, length)));
  head.header_crc = Le32(0);
  put_header(primary, head);
  const std::size_t size = std::min<std::size_t>(head.header_size.value(), sector_);
  const std::size_t at = place(primary ? 1 : backup_lba());
  head.header_crc = Le32(Crc32::of(Bytes(bytes).subspan(at, size)));
  put_header(primary, head);
}

void GptImage::seal() {
  seal_copy(true);
  seal_copy(false);
}

void put_mbr(ByteVector& disk, std::size_t at, const std::vector<MbrEntry>& entries,
             std::uint32_t signature) {
  MbrOnDisk mbr{};
  for (std::size_t i = 0; i < entries.size() && i < mbr.entries.size(); ++i) {
    mbr.entries[i].type = entries[i].type;
    mbr.entries[i].first_lba = Le32(entries[i].first);
    mbr.entries[i].sectors = Le32(entries[i].sectors);
  }
  mbr.disk_signature = Le32(signature);
  mbr.magic = {0x55, 0xaa};
  std::memcpy(disk.data() + at, &mbr, sizeof mbr);
}

}  // namespace ebb::test
