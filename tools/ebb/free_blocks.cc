// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/free_blocks.h"

#include <fcntl.h>

#include "devmap/occupation.h"

namespace ebb {

Result<std::unique_ptr<FreeBlocks>> FreeBlocks::hold(const std::string& path,
                                                     const Passport& passport, Kind kind) {
  std::unique_ptr<FreeBlocks> held(new FreeBlocks(path, passport.table, kind));
  held->is_image_ = passport.kind == "image";
  // O_EXCL, of a block device: nobody has it mounted, or can mount it or a partition of it.
  int flags = O_RDONLY | O_CLOEXEC;
  if (!held->is_image_) flags |= O_DIRECT;
  if (!held->is_image_ && kind == Kind::device) flags |= O_EXCL;
  held->fd_ = UniqueFd(::open(path.c_str(), flags));
  if (!held->fd_.is_open() && errno == EBUSY) {
    return fail(Error::busy(
        "{} is in use, and only what nobody writes to has free space that can be relied on; of a "
        "logical volume a snapshot has (--snapshot lvm)",
        path));
  }
  if (!held->fd_.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  held->cached_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!held->cached_.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  if (held->is_image_ && !TRY(probe_occupation(path)).free()) {
    return fail(Error::busy("{} is in use", path));
  }
  return held;
}

FreeSpace FreeBlocks::look(const BlockGrid& grid) const {
  const bool is_frozen = kind_ == Kind::frozen_snapshot;
  FdSource source(fd_.get(), grid.size());
  return free_space_of(source, cached_.get(), table_, grid,
                       is_frozen ? XfsLog::was_frozen : XfsLog::must_be_empty);
}

DirtyMap FreeBlocks::find(const BlockGrid& grid) {
  FreeSpace space = look(grid);
  said_ = fmt::format("{}", fmt::join(space.said, "; "));
  if (is_image_) found_ = space.blocks;
  return std::move(space.blocks);
}

Result<void> FreeBlocks::check() const {
  if (!found_ || look(found_->grid()).blocks == *found_) return {};
  return fail(Error::busy(
      "{} was used while it was backed up, and its free space was left out: back it up again when "
      "nobody uses it, or without --leave-out-free",
      path_));
}

}  // namespace ebb
