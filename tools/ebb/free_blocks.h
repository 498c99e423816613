// SPDX-License-Identifier: Apache-2.0
// free_blocks.h - `ebb backup --leave-out-free`: which blocks of a device need not be read because
// its file systems call them free, where that can be relied on.
//
// A block device is held meanwhile, so that nobody mounts it; a snapshot is of one instant anyway.
// An image file cannot be held: it is looked at once more at the end.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "devmap/allocation/free_space.h"
#include "devmap/core/unique_fd.h"
#include "devmap/passport.h"

namespace ebb {

class FreeBlocks {
 public:
  // How it can be that nobody writes to the device.
  enum class Kind : std::uint8_t {
    device,           // It is not in use.
    snapshot,         // Of a volume that was not mounted for writing.
    frozen_snapshot,  // Of one that was, whose file system LVM froze.
  };
  // Holds the device until it goes. Busy when somebody uses it.
  static Result<std::unique_ptr<FreeBlocks>> hold(const std::string& path, const Passport& passport,
                                                  Kind kind);

  // In words, after find(): what each file system said.
  const std::string& said() const { return said_; }
  DirtyMap find(const BlockGrid& grid);
  // Whether it is still as it was found; busy when the device was used meanwhile.
  Result<void> check() const;

 private:
  FreeBlocks(std::string path, const PartitionTable& table, Kind kind)
      : path_(std::move(path)), table_(table), kind_(kind) {}
  FreeSpace look(const BlockGrid& grid) const;

  std::string path_;
  PartitionTable table_;
  Kind kind_;
  bool is_image_ = false;
  UniqueFd fd_;      // Past the page cache, where it is a device.
  UniqueFd cached_;  // For libblkid, which reads what it likes.
  std::string said_;
  std::optional<DirtyMap> found_;  // Of an image.
};

}  // namespace ebb
