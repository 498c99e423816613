// SPDX-License-Identifier: Apache-2.0
// table_reader.h - what the parsers of MBR and GPT share: a disk cut into sectors, and complaints.
//
// Inside devmap only. Every sector number that a table names goes through contains() before it is
// multiplied, so no place here can wrap.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "devmap/byte_source.h"

namespace ebb {

// The first `size` bytes of a source as sectors; a last part of a sector does not count.
class SectorDisk {
 public:
  SectorDisk(ByteSource& source, ByteCount sector, ByteCount size)
      : source_(source), sector_(sector), count_(size.value() / sector.value()) {}

  ByteCount sector() const { return sector_; }
  std::uint64_t count() const { return count_; }
  std::uint64_t last() const { return count_ - 1; }  // count() is not 0.
  // Do sectors [first, first + n) lie on the disk?
  bool contains(std::uint64_t first, std::uint64_t n) const {
    return first <= count_ && n <= count_ - first;
  }
  ByteIndex place(std::uint64_t lba) const { return ByteIndex(0) + sector_ * lba; }
  std::uint64_t sectors_for(std::uint64_t bytes) const {
    return (bytes + sector_.value() - 1) / sector_.value();
  }
  Result<ByteVector> read(std::uint64_t lba, std::uint64_t n) const {
    ByteVector bytes((sector_ * n).size());
    TRY(source_.read(place(lba), bytes));
    return bytes;
  }
  ByteSource& source() const { return source_; }

 private:
  ByteSource& source_;
  ByteCount sector_;
  std::uint64_t count_;
};

// The run of `n` sectors from `first`, or nothing when it is empty or ends past 2^62 bytes.
std::optional<ByteRun> run_of_sectors(std::uint64_t first, std::uint64_t n, ByteCount sector);

// Sentences about a table, bounded: a hostile table can be wrong in a million ways.
class Problems {
 public:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    if (said_.size() < most) {
      said_.push_back(fmt::format(format, std::forward<Args>(args)...));
    } else if (said_.size() == most) {
      said_.push_back("and more");
    }
  }
  std::vector<std::string> take() { return std::move(said_); }

 private:
  static constexpr std::size_t most = 64;
  std::vector<std::string> said_;
};

// Sorts, joins what touches, and cuts at the device's end.
std::vector<ByteRun> merged(std::vector<ByteRun> runs, ByteCount device_size);

}  // namespace ebb
