// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/holes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ebb {

namespace {

// Where data (or a hole) begins at or after `at`; the file's end when there is no more of it.
// Nothing when the file system does not tell.
Result<std::optional<ByteIndex>> seek(int fd, ByteIndex at, ByteIndex end, int whence) {
  const off_t found = ::lseek(fd, static_cast<off_t>(at.value()), whence);
  if (found >= 0) return std::min(ByteIndex(static_cast<std::uint64_t>(found)), end);
  if (errno == ENXIO) return end;
  if (errno == EINVAL || errno == EOPNOTSUPP) return std::nullopt;
  return fail(Error::from_errno(errno).during("looking for holes at {}", at.value()));
}

}  // namespace

Result<HoleWalk> HoleWalk::over(int fd, ByteCount size, ByteIndex from) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(Error::from_errno(errno));
  if (!S_ISREG(status.st_mode)) return HoleWalk(fd, from, ByteIndex(0));
  const auto length = static_cast<std::uint64_t>(status.st_size);
  return HoleWalk(fd, from, ByteIndex(std::min(length, size.value())));
}

Result<std::optional<ByteRun>> HoleWalk::next() {
  if (list_) {
    if (given_ == list_->size()) return std::nullopt;
    return (*list_)[given_++];
  }
  if (at_ >= end_) return std::nullopt;
  const auto hole = TRY(seek(fd_, at_, end_, SEEK_HOLE));
  if (!hole || *hole >= end_) {
    at_ = end_;
    return std::nullopt;
  }
  const auto data = TRY(seek(fd_, *hole, end_, SEEK_DATA));
  if (!data) {
    at_ = end_;
    return std::nullopt;
  }
  // Somebody may write between the two questions; an empty run would never end.
  at_ = std::max(*data, *hole + ByteCount(1));
  return ByteRun{*hole, std::max(*data, *hole)};
}

Result<std::vector<ByteRun>> holes_of(int fd, ByteCount size) {
  HoleWalk walk = TRY(HoleWalk::over(fd, size));
  std::vector<ByteRun> holes;
  while (holes.size() < max_holes) {
    const auto hole = TRY(walk.next());
    if (!hole) break;
    if (!hole->empty()) holes.push_back(*hole);
  }
  return holes;
}

}  // namespace ebb
