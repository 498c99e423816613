// SPDX-License-Identifier: Apache-2.0
#include "devmap/byte_source.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "devmap/core/limits.h"

namespace ebb {

namespace {

// What one read through the aligned buffer fetches; metadata reads are smaller than this.
constexpr ByteCount bounce_size = 64_KiB;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

Result<void> check_range(ByteIndex at, std::size_t length, ByteCount size) {
  if (at.value() > size.value() || length > size.value() - at.value()) {
    return fail(
        Error::invalid("{} bytes at {} end past the size of {}", length, at.value(), size.value()));
  }
  return {};
}

// Reads until `room` is full or the end comes; returns what came. A short read means the end only
// when it is empty, except with O_DIRECT: what is left after a part of a sector cannot be asked
// for.
Result<std::size_t> read_fully(int fd, ByteIndex at, MutableBytes room, std::size_t granule) {
  std::size_t done = 0;
  while (done < room.size()) {
    const auto place = static_cast<off_t>(at.value() + done);
    const ssize_t got = ::pread(fd, room.data() + done, room.size() - done, place);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return fail(Error::from_errno(errno).during("reading {} bytes at {}", room.size() - done,
                                                  at.value() + done));
    }
    done += static_cast<std::size_t>(got);
    if (got == 0 || done % granule != 0) break;
  }
  return done;
}

Error ended_early(ByteIndex at, std::size_t wanted, std::size_t got) {
  return Error::lost("reading {} bytes at {}: the end came after {}", wanted, at.value(), got);
}

// For O_DIRECT: whole aligned pieces into an aligned buffer, and from there what was asked for.
Result<void> read_aligned(int fd, ByteIndex at, MutableBytes room) {
  const std::size_t alignment = limits::io_alignment.size();
  const std::unique_ptr<std::byte, Free> buffer(
      static_cast<std::byte*>(std::aligned_alloc(alignment, bounce_size.size())));
  if (!buffer) return fail(Error::from_errno(ENOMEM));
  std::size_t done = 0;
  while (done < room.size()) {
    const std::uint64_t wanted = at.value() + done;
    const std::uint64_t from = round_down(wanted, alignment);
    const std::size_t skip = static_cast<std::size_t>(wanted - from);
    const std::size_t want = std::min(room.size() - done, bounce_size.size() - skip);
    const std::size_t length = static_cast<std::size_t>(round_up(skip + want, alignment));
    const auto got = TRY(read_fully(fd, ByteIndex(from), MutableBytes(buffer.get(), length),
                                    limits::min_sector_size.size()));
    if (got < skip + want) return fail(ended_early(at, room.size(), done));
    std::memcpy(room.data() + done, buffer.get() + skip, want);
    done += want;
  }
  return {};
}

}  // namespace

Result<void> MemorySource::read(ByteIndex at, MutableBytes room) {
  TRY(check_range(at, room.size(), size()));
  if (!room.empty()) std::memcpy(room.data(), bytes_.data() + at.value(), room.size());
  return {};
}

Result<FdSource> FdSource::over(int fd) {
  return FdSource(fd, TRY(size_of_fd(fd)));
}

Result<void> FdSource::read(ByteIndex at, MutableBytes room) {
  TRY(check_range(at, room.size(), size_));
  if (room.empty()) return {};
  const int flags = ::fcntl(fd_, F_GETFL);
  if (flags < 0) return fail(Error::from_errno(errno));
  if ((flags & O_DIRECT) != 0) return read_aligned(fd_, at, room);
  const auto got = TRY(read_fully(fd_, at, room, 1));
  if (got < room.size()) return fail(ended_early(at, room.size(), got));
  return {};
}

Result<ByteCount> size_of_fd(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(Error::from_errno(errno));
  if (S_ISREG(status.st_mode)) return ByteCount(static_cast<std::uint64_t>(status.st_size));
  if (!S_ISBLK(status.st_mode)) {
    return fail(Error::invalid("neither a block device nor a regular file"));
  }
  std::uint64_t size = 0;
  if (::ioctl(fd, BLKGETSIZE64, &size) != 0) {
    return fail(Error::from_errno(errno).during("asking for the capacity"));
  }
  return ByteCount(size);
}

}  // namespace ebb
