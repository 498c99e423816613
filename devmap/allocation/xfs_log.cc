// SPDX-License-Identifier: Apache-2.0
#include "devmap/allocation/xfs_log.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ebb {

namespace {

constexpr std::uint64_t block = 512;
// Of a log as a whole: so much of a record is described by one block of its header.
constexpr std::uint64_t bytes_per_header_block = 32 * 1024;
constexpr std::uint64_t max_record = 256 * 1024;
constexpr std::uint64_t max_record_blocks =
    max_record / block + max_record / bytes_per_header_block;
// So many records may be on their way to the disk at once, so that writes may lie out of order no
// further from the head than this. Records of version 1 are smaller.
constexpr std::uint64_t max_records_in_flight = 8;
constexpr std::uint64_t unsure_blocks = max_records_in_flight * max_record / block;
// What is read at once when cycles are compared.
constexpr std::uint64_t blocks_at_once = 128;

template <class... Args>
auto not_empty(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Error::busy("the log of the XFS is not empty: {}",
                          fmt::format(format, std::forward<Args>(args)...)));
}

std::uint32_t cycle_of(Bytes begin_of_block) {
  std::array<Be32, 2> words;
  std::memcpy(&words, begin_of_block.data(), sizeof words);
  return words[0].value() == xfs_log_magic ? words[1].value() : words[0].value();
}

class Log {
 public:
  Log(ByteSource& source, const XfsLogPlace& place)
      : source_(source), place_(place), blocks_(place.bytes.length().value() / block) {}

  Result<void> check_is_empty() {
    TRY(find_head());
    TRY(check_cycles_around_head());
    return check_last_record();
  }

 private:
  Result<void> read(std::uint64_t at, MutableBytes room) {
    return during(source_.read(place_.bytes.begin + ByteCount(at * block), room),
                  "reading the log of an XFS");
  }
  // Goes on at the log's beginning after its end.
  Result<void> read_round(std::uint64_t at, MutableBytes room) {
    const std::size_t before_end = std::min<std::size_t>(room.size(), (blocks_ - at) * block);
    TRY(read(at, room.first(before_end)));
    return before_end == room.size() ? Result<void>() : read(0, room.subspan(before_end));
  }
  Result<std::uint32_t> cycle_at(std::uint64_t at) {
    std::array<std::byte, 2 * sizeof(Be32)> words{};
    TRY(read(at, words));
    return cycle_of(words);
  }

  // Tools that write the log anew leave blocks between their record and the old cycle as they never
  // were written.
  bool is_older(std::uint32_t cycle) const { return cycle == old_cycle_ || cycle == 0; }

  Result<void> find_head();
  Result<void> check_cycles_around_head();
  Result<void> check_last_record();
  Result<void> check_record(Bytes record);

  ByteSource& source_;
  const XfsLogPlace& place_;
  std::uint64_t blocks_;

  std::uint64_t head_ = 0;  // The first block of an older cycle; blocks_ when there is none.
  std::uint32_t cycle_ = 0;
  std::uint32_t old_cycle_ = 0;  // 0 while the log was not yet written to its end.
};

Result<void> Log::find_head() {
  cycle_ = TRY(cycle_at(0));
  old_cycle_ = TRY(cycle_at(blocks_ - 1));
  if (cycle_ == 0) return not_empty("it holds nothing, not even that it was unmounted");
  if (old_cycle_ == cycle_) {
    head_ = blocks_;
    return {};
  }
  if (old_cycle_ != 0 && old_cycle_ + 1 != cycle_) {
    return not_empty("it begins with cycle {} and ends with {}", cycle_, old_cycle_);
  }
  std::uint64_t newer = 0;
  head_ = blocks_ - 1;
  while (newer + 1 < head_) {
    const std::uint64_t middle = newer + (head_ - newer) / 2;
    const std::uint32_t found = TRY(cycle_at(middle));
    if (found != cycle_ && !is_older(found)) {
      return not_empty("block {} of it has cycle {} between {} and {}", middle, found, cycle_,
                       old_cycle_);
    }
    (found == cycle_ ? newer : head_) = middle;
  }
  return {};
}

// A binary search finds some place where the cycle falls; that it is the only one is known when
// there is no other as far as writes may lie out of order.
Result<void> Log::check_cycles_around_head() {
  const std::uint64_t count = std::min(blocks_, 2 * unsure_blocks);
  const std::uint64_t before = std::min(blocks_, unsure_blocks);
  const std::uint64_t first = (head_ + blocks_ - before) % blocks_;
  ByteVector chunk;
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t at = (first + done) % blocks_;
    const std::uint64_t now = std::min({blocks_at_once, count - done, blocks_ - at});
    chunk.resize(now * block);
    TRY(read(at, chunk));
    for (std::uint64_t i = 0; i < now; ++i) {
      const bool before_head = at + i < head_;
      const std::uint32_t found = cycle_of(Bytes(chunk).subspan(i * block));
      if (before_head ? found != cycle_ : !is_older(found)) {
        return not_empty("block {} of it has cycle {}, not {}", at + i, found,
                         before_head ? cycle_ : old_cycle_);
      }
    }
    done += now;
  }
  return {};
}

Result<void> Log::check_last_record() {
  const std::uint64_t count = std::min(blocks_, max_record_blocks);
  ByteVector last(count * block);
  TRY(read_round((head_ + blocks_ - count) % blocks_, last));
  for (std::uint64_t i = count; i-- > 0;) {
    const Bytes from_here = Bytes(last).subspan(i * block);
    Be32 magic;
    std::memcpy(&magic, from_here.data(), sizeof magic);
    if (magic.value() == xfs_log_magic) return check_record(from_here);
  }
  return not_empty("no record begins before its head, block {}", head_);
}

// `record` ends where the head is. The checksum is of no use: mkfs leaves it out.
Result<void> Log::check_record(Bytes record) {
  XfsLogRecordOnDisk header;
  std::memcpy(&header, record.data(), sizeof header);
  const std::uint32_t version = header.version.value();
  const std::uint64_t length = header.length.value();
  if ((version != 1 && version != 2) || length > max_record) {
    return not_empty("its last record is of version {} and of {} bytes", version, length);
  }
  if (header.uuid != place_.uuid) return not_empty("its last record is of another file system");
  // As the kernel's xlog_logrec_hblks.
  const std::uint64_t size = header.size.value();
  std::uint64_t header_blocks = 1;
  if (place_.version == XfsLogVersion::two && version == 2 && size > bytes_per_header_block) {
    header_blocks = (size + bytes_per_header_block - 1) / bytes_per_header_block;
  }
  const std::uint64_t body_blocks = (length + block - 1) / block;
  if (body_blocks == 0 || (header_blocks + body_blocks) * block != record.size()) {
    return not_empty("its last record has {} blocks and {} follow", header_blocks + body_blocks,
                     record.size() / block);
  }
  XfsLogOperationOnDisk operation;
  std::memcpy(&operation, record.data() + header_blocks * block, sizeof operation);
  if (header.operations.value() != 1 || operation.client != xfs_log_client ||
      operation.flags != xfs_log_unmounted) {
    return not_empty("its last record does not say that it was unmounted");
  }
  return {};
}

}  // namespace

Result<void> check_xfs_log_is_empty(ByteSource& source, const XfsLogPlace& place) {
  return Log(source, place).check_is_empty();
}

}  // namespace ebb
