// SPDX-License-Identifier: Apache-2.0
// scratch_folder.h - a folder of this process's own, below the folder for temporary files.
//
// It goes with its owner. An owner that is killed leaves it behind; the next one that is made by
// the same user removes it. A lock (flock) on the folder, which goes with the process however that
// ends, tells which have an owner.
#pragma once

#include <string>

#include "devmap/core/result.h"
#include "devmap/core/unique_fd.h"

namespace ebb {

class ScratchFolder {
 public:
  // Below $TMPDIR, or /tmp.
  static Result<ScratchFolder> make();
  ScratchFolder(ScratchFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})), lock_(std::move(other.lock_)) {}
  ScratchFolder& operator=(ScratchFolder&&) = delete;
  ~ScratchFolder();

  const std::string& path() const { return path_; }

 private:
  ScratchFolder(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;  // Empty when it was moved from.
  UniqueFd lock_;
};

}  // namespace ebb
