// SPDX-License-Identifier: Apache-2.0
#include "engine/file/scratch_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

namespace ebb {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "ebb-index-";
constexpr std::string_view pattern = "ebb-index-XXXXXX";
constexpr int tries = 16;

// Never follows a link: the folder for temporary files belongs to everyone.
UniqueFd open_as_folder(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

bool is_mine_and_there(const UniqueFd& folder) {
  struct stat status {};
  return ::fstat(folder.get(), &status) == 0 && status.st_uid == ::geteuid() && status.st_nlink > 0;
}

// Waits only while another is removing it. Where folders cannot be locked, nobody takes one for
// left behind either.
void lock_own(const UniqueFd& folder) {
  while (::flock(folder.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
}

void remove_all(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// Whoever makes a folder locks it a moment later; it looks again whether it is still there.
void remove_those_without_owner(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator at(parent, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name.size() != pattern.size() || !name.starts_with(prefix)) continue;
    const UniqueFd folder = open_as_folder(at->path());
    if (!folder.is_open() || !is_mine_and_there(folder)) continue;
    if (::flock(folder.get(), LOCK_EX | LOCK_NB) == 0) remove_all(at->path());
  }
}

}  // namespace

Result<ScratchFolder> ScratchFolder::make() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) {
    return fail(Error::from_errno(error.value()).during("looking for the temporary folder"));
  }
  remove_those_without_owner(parent);
  for (int i = 0; i < tries; ++i) {
    std::string path = parent / pattern;
    if (::mkdtemp(path.data()) == nullptr) {
      return fail(Error::from_errno(errno).during("making {}", path));
    }
    UniqueFd lock = open_as_folder(path);
    if (lock.is_open()) lock_own(lock);
    // Another may just have taken it for one without an owner.
    if (lock.is_open() && is_mine_and_there(lock)) {
      return ScratchFolder(std::move(path), std::move(lock));
    }
    remove_all(path);
  }
  return fail(Error::busy("no scratch folder can be kept in {}", parent.string()));
}

ScratchFolder::~ScratchFolder() {
  if (!path_.empty()) remove_all(path_);
}

}  // namespace ebb
