// SPDX-License-Identifier: Apache-2.0
// gpt_image.h - GPT disks made byte by byte, so that a test can make them wrong on purpose.
#pragma once

#include <string>
#include <vector>

#include "devmap/core/bytes.h"
#include "devmap/gpt.h"

namespace ebb::test {

// A disk in memory with a protective MBR and both copies of a GPT. Change what you like, then
// seal() makes the CRCs right over it.
class GptImage {
 public:
  explicit GptImage(ByteCount sector, std::uint64_t sectors, std::uint32_t entry_count = 128,
                    std::uint32_t entry_size = 128);

  GptHeaderOnDisk header(bool primary) const;
  void put_header(bool primary, const GptHeaderOnDisk& header);
  // Puts the entry into both arrays.
  void put_entry(std::uint32_t i, std::uint64_t first, std::uint64_t last, const std::string& name);
  // Makes the CRCs of both copies right, whatever the headers say.
  void seal();
  // What the headers were made with, whatever they say now.
  std::uint64_t backup_lba() const { return sectors_ - 1; }
  std::uint64_t first_usable() const { return 2 + entry_sectors_; }
  std::uint64_t last_usable() const { return sectors_ - 2 - entry_sectors_; }

  ByteVector bytes;

 private:
  std::size_t place(std::uint64_t lba) const { return static_cast<std::size_t>(lba) * sector_; }
  void seal_copy(bool primary);

  std::size_t sector_;
  std::uint64_t sectors_;
  std::uint64_t entry_sectors_;
  std::uint32_t entry_count_;
  std::uint32_t entry_size_;
};

// Writes an MBR (55 AA) with these entries into `disk` at `at`.
struct MbrEntry {
  std::uint8_t type = 0;
  std::uint32_t first = 0;
  std::uint32_t sectors = 0;
};
void put_mbr(ByteVector& disk, std::size_t at, const std::vector<MbrEntry>& entries,
             std::uint32_t signature = 0x1badcafe);

}  // namespace ebb::test
