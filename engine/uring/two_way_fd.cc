// SPDX-License-Identifier: Apache-2.0
#include "engine/uring/two_way_fd.h"

#include <fcntl.h>

#include <cerrno>

namespace ebb {

Result<TwoWayFd> TwoWayFd::open(const std::string& path, int flags, ByteCount alignment) {
  constexpr mode_t owner_only = 0600;
  UniqueFd buffered(::open(path.c_str(), flags | O_CLOEXEC, owner_only));
  if (!buffered.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  // Opened again through /proc, so that both are the same file whatever happens to the path. An
  // exclusive open of a block device holds for the first descriptor.
  const std::string self = fmt::format("/proc/self/fd/{}", buffered.get());
  UniqueFd direct(
      ::open(self.c_str(), (flags & ~(O_CREAT | O_EXCL | O_TRUNC)) | O_CLOEXEC | O_DIRECT));
  return TwoWayFd(std::move(direct), std::move(buffered), alignment);
}

int TwoWayFd::for_transfer(const Transfer& transfer) const {
  if (!direct_.is_open()) return buffered_.get();
  if (transfer.way == Way::sync_data || transfer.way == Way::write_zeroes) return buffered_.get();
  const std::uint64_t odd = transfer.at.value() | transfer.data.size() |
                            reinterpret_cast<std::uintptr_t>(transfer.data.data());
  return (odd & (alignment_.value() - 1)) == 0 ? direct_.get() : buffered_.get();
}

}  // namespace ebb
