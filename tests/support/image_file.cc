// SPDX-License-Identifier: Apache-2.0
#include "tests/support/image_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "devmap/core/unique_fd.h"

namespace ebb::test {

namespace {

void must(bool done, const std::string& path) {
  if (done) return;
  std::perror(path.c_str());
  std::abort();
}

UniqueFd open_for(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
  must(fd.is_open(), path);
  return fd;
}

void write_all(int fd, const std::string& path, ByteIndex at, Bytes bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(fd, bytes.data() + done, bytes.size() - done,
                               static_cast<off_t>(at.value() + done));
    must(n > 0, path);
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace

void make_image(const std::string& path, ByteCount size) {
  const UniqueFd fd = open_for(path, O_RDWR | O_CREAT | O_TRUNC);
  must(::ftruncate(fd.get(), static_cast<off_t>(size.value())) == 0, path);
}

void resize_image(const std::string& path, ByteCount size) {
  must(::truncate(path.c_str(), static_cast<off_t>(size.value())) == 0, path);
}

void write_at(const std::string& path, ByteIndex at, Bytes bytes) {
  const UniqueFd fd = open_for(path, O_WRONLY);
  write_all(fd.get(), path, at, bytes);
  // A loop device with direct I/O reads past the page cache.
  must(::fsync(fd.get()) == 0, path);
}

ByteVector read_at(const std::string& path, ByteIndex at, ByteCount length) {
  const UniqueFd fd = open_for(path, O_RDONLY);
  ByteVector bytes(length.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pread(fd.get(), bytes.data() + done, bytes.size() - done,
                              static_cast<off_t>(at.value() + done));
    must(n > 0, path);
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

void write_text(const std::string& path, const std::string& text) {
  const UniqueFd fd = open_for(path, O_WRONLY | O_CREAT | O_TRUNC);
  write_all(fd.get(), path, ByteIndex(0), bytes_of(text));
}

}  // namespace ebb::test
