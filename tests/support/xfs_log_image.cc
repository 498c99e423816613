// SPDX-License-Identifier: Apache-2.0
#include "tests/support/xfs_log_image.h"

#include <cstring>

namespace ebb::test {

void XfsLogImage::put_header(std::uint64_t at, const XfsLogRecord& record, std::uint32_t cycle) {
  XfsLogRecordOnDisk header{};
  header.magic = Be32(xfs_log_magic);
  header.cycle = Be32(cycle);
  header.version = Be32(record.version);
  header.length = Be32(static_cast<std::uint32_t>(record.body_blocks * 512));
  header.sequence = Be64(std::uint64_t{cycle} << 32 | at);
  header.operations = Be32(record.operations);
  header.format = Be32(1);
  header.uuid = record.uuid;
  header.size = Be32(record.size);
  std::memcpy(block(at), &header, sizeof header);
}

void XfsLogImage::append(const XfsLogRecord& record) {
  for (std::uint64_t i = 0; i < record.blocks(); ++i) {
    if (i == 0) {
      put_header(head_, record, cycle_);
    } else {
      // Bytes that look like records and like cycles are in what follows, but not where those are
      // looked for.
      std::memset(block(head_), 0xfe, 512);
      if (i == record.header_blocks()) {
        const XfsLogOperationOnDisk operation = {Be32(1), Be32(8), record.client, record.flags, {}};
        std::memcpy(block(head_), &operation, sizeof operation);
      }
      set_cycle(head_, cycle_);
    }
    if (++head_ == blocks_) {
      head_ = 0;
      ++cycle_;
    }
  }
}

void XfsLogImage::clear_behind_head(std::uint64_t blocks) {
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const std::uint64_t at = (head_ + i) % blocks_;
    put_header(at, {.body_blocks = 0}, at < head_ ? cycle_ : cycle_ - 1);
  }
}

void XfsLogImage::set_cycle(std::uint64_t at, std::uint32_t cycle) {
  Be32 magic;
  std::memcpy(&magic, block(at), sizeof magic);
  const Be32 value(cycle);
  std::memcpy(block(at) + (magic.value() == xfs_log_magic ? 4 : 0), &value, sizeof value);
}

}  // namespace ebb::test
