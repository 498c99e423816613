// SPDX-License-Identifier: Apache-2.0
#include "wire/link/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "devmap/core/unique_fd.h"

namespace ebb {

namespace {

Result<void> write_whole(const UniqueFd& fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(Error::from_errno(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  if (::fsync(fd.get()) != 0) return fail(Error::from_errno(errno));
  return {};
}

}  // namespace

Result<void> write_new_file(const std::string& path, Bytes content, Readers readers) {
  const mode_t mode = readers == Readers::owner ? 0600 : 0644;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("making {}", path));
  return during(write_whole(fd, content), "writing {}", path);
}

Result<void> sync_entries(const std::string& folder) {
  const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.is_open() && ::fsync(fd.get()) == 0) return {};
  return fail(Error::from_errno(errno).during("syncing the folder {}", folder));
}

Result<SecretBuffer> read_identity_file(const std::string& path, Readers readers,
                                        std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(Error::from_errno(errno));
  if (!S_ISREG(status.st_mode) || status.st_size > static_cast<off_t>(most)) {
    return fail(Error::damaged("{} is no file, or has more than {} bytes", path, most));
  }
  if (readers == Readers::owner && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(
        Error::denied("{} can be read by others than its owner; run `chmod 600` on it, and enroll "
                      "anew if it was copied",
                      path));
  }
  SecretBuffer content(static_cast<std::size_t>(status.st_size));
  if (::pread(fd.get(), content.room().data(), content.room().size(), 0) !=
      static_cast<ssize_t>(content.room().size())) {
    return fail(Error::from_errno(EIO).during("reading {}", path));
  }
  return content;
}

}  // namespace ebb
