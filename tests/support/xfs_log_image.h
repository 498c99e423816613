// SPDX-License-Identifier: Apache-2.0
// xfs_log_image.h - the log of an XFS, written as the kernel writes it.
#pragma once

#include <cstdint>

#include "devmap/allocation/xfs_on_disk.h"
#include "devmap/core/bytes.h"

namespace ebb::test {

struct XfsLogRecord {
  std::uint64_t body_blocks = 1;
  std::uint32_t version = 2;
  std::uint32_t size = 32 * 1024;  // Of the buffer; says how many blocks the header has.
  std::uint32_t operations = 1;
  std::uint8_t client = xfs_log_client;
  std::uint8_t flags = xfs_log_unmounted;
  XfsUuid uuid{};

  std::uint64_t header_blocks() const { return version == 1 ? 1 : (size + 32767) / 32768; }
  std::uint64_t blocks() const { return header_blocks() + body_blocks; }
};

// A record that says that something changed.
inline XfsLogRecord changes(std::uint64_t body_blocks) {
  return {.body_blocks = body_blocks, .operations = 3, .client = 0x69, .flags = 0};
}

class XfsLogImage {
 public:
  // Zeros; nothing was written yet.
  explicit XfsLogImage(std::uint64_t blocks) : bytes(blocks * 512), blocks_(blocks) {}

  // Goes on at the beginning, with the next cycle, where the log ends.
  void append(const XfsLogRecord& record);
  // What the kernel's recovery leaves in so many blocks behind the head: headers of records of the
  // cycle before.
  void clear_behind_head(std::uint64_t blocks);
  // Of the block at `at`, whatever is in it.
  void set_cycle(std::uint64_t at, std::uint32_t cycle);

  std::uint64_t blocks() const { return blocks_; }
  std::uint64_t head() const { return head_; }
  std::uint32_t cycle() const { return cycle_; }

  ByteVector bytes;

 private:
  std::byte* block(std::uint64_t at) { return bytes.data() + at * 512; }
  void put_header(std::uint64_t at, const XfsLogRecord& record, std::uint32_t cycle);

  std::uint64_t blocks_;
  std::uint64_t head_ = 0;
  std::uint32_t cycle_ = 1;
};

}  // namespace ebb::test
