// SPDX-License-Identifier: Apache-2.0
#include "tools/common/private_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "devmap/core/unique_fd.h"

namespace ebb {

namespace {

Result<void> write_whole(const std::string& fresh, Bytes bytes) {
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("writing {}", fresh));
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t n = ::write(fd.get(), bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Error::from_errno(errno).during("writing {}", fresh));
    written += static_cast<std::size_t>(n);
  }
  if (::fsync(fd.get()) != 0) return fail(Error::from_errno(errno).during("writing {}", fresh));
  return {};
}

}  // namespace

Result<void> write_privately(const std::string& path, Bytes bytes) {
  const std::string fresh = path + unfinished_ending;
  ::unlink(fresh.c_str());
  auto written = write_whole(fresh, bytes);
  if (written && ::rename(fresh.c_str(), path.c_str()) != 0) {
    written = fail(Error::from_errno(errno).during("naming {}", path));
  }
  if (!written) {
    ::unlink(fresh.c_str());  // On a full disk nothing of it stays.
    return written;
  }
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd.is_open() || ::fsync(folder_fd.get()) != 0) {
    return fail(Error::from_errno(errno).during("syncing {}", folder));
  }
  return {};
}

std::string read_privately(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string all;
  std::array<char, 65536> part{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {};  // Not there, a folder, a bad sector.
    if (n == 0) return all;
    all.append(part.data(), static_cast<std::size_t>(n));
  }
}

}  // namespace ebb
