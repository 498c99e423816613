// SPDX-License-Identifier: Apache-2.0
#include "engine/file/free_room.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>

namespace ebb {

Result<FreeRoom> free_room(const std::string& path) {
  struct statvfs system {};
  if (::statvfs(path.c_str(), &system) != 0) {
    return fail(Error::from_errno(errno).during("looking for room at {}", path));
  }
  return FreeRoom{ByteCount(std::uint64_t{system.f_bavail} * system.f_frsize),
                  ByteCount(std::uint64_t{system.f_blocks} * system.f_frsize)};
}

ByteCount RoomToLeave::of(ByteCount size) const {
  return std::max(bytes, ByteCount(size.value() / 100 * percent));
}

}  // namespace ebb
