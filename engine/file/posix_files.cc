// SPDX-License-Identifier: Apache-2.0
// posix_files.cc - a folder of this machine; file contents go through the ring.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "engine/file/files.h"
#include "engine/file/unknown_time.h"
#include "engine/uring/two_way_fd.h"

namespace ebb {

namespace {

constexpr std::int64_t nanoseconds_in_second = 1'000'000'000;
// How often, and with what pauses between, a lock is tried that others hold for a moment: 5 s.
constexpr int lock_tries = 250;
constexpr timespec lock_pause{0, 20'000'000};

class PosixFile final : public File {
 public:
  PosixFile(TwoWayFd fd, Ring& ring) : fd_(std::move(fd)), ring_(ring) {}

  void start(Transfer& transfer) override {
    transfer.fd = fd_.for_transfer(transfer);
    ring_.submit(transfer);
  }
  Result<ByteCount> size() override {
    struct stat status {};
    if (::fstat(fd_.buffered(), &status) != 0) return fail(Error::from_errno(errno));
    return ByteCount(static_cast<std::uint64_t>(status.st_size));
  }
  Result<void> preallocate(ByteCount size) override {
    if (::fallocate(fd_.buffered(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size.value())) ==
            0 ||
        errno == EOPNOTSUPP) {
      return {};
    }
    return fail(Error::from_errno(errno));
  }
  Result<void> truncate(ByteCount size) override {
    if (::ftruncate(fd_.buffered(), static_cast<off_t>(size.value())) == 0) return {};
    return fail(Error::from_errno(errno));
  }
  Result<void> set_modified(WallTime time) override {
    std::int64_t seconds = time.nanoseconds / nanoseconds_in_second;
    std::int64_t rest = time.nanoseconds % nanoseconds_in_second;
    if (rest < 0) {
      --seconds;
      rest += nanoseconds_in_second;
    }
    const timespec times[2] = {{0, UTIME_OMIT}, {seconds, rest}};
    if (::futimens(fd_.buffered(), times) == 0) return {};
    return fail(Error::from_errno(errno));
  }

 private:
  TwoWayFd fd_;
  Ring& ring_;
};

class PosixLock final : public FolderLock {
 public:
  explicit PosixLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  UniqueFd fd_;
};

// A time that a file system may hold and 64 bits of nanoseconds do not becomes the nearest that
// they do.
WallTime time_of(const timespec& time) {
  constexpr std::int64_t last_second = 9'000'000'000;
  const std::int64_t seconds = std::clamp<std::int64_t>(time.tv_sec, -last_second, last_second);
  return {seconds * nanoseconds_in_second + time.tv_nsec};
}

// Nothing when it went away meanwhile. One whose inode cannot be read is there all the same, and
// nobody can say that it is old; what is wrong with it says whoever opens it.
std::optional<Files::Entry> entry_of(int folder_fd, const dirent& found) {
  struct stat status {};
  if (::fstatat(folder_fd, found.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return Files::Entry{found.d_name, S_ISDIR(status.st_mode), time_of(status.st_mtim)};
  }
  if (errno == ENOENT) return std::nullopt;
  return Files::Entry{found.d_name, found.d_type == DT_DIR, unknown_time};
}

class PosixFiles final : public Files {
 public:
  PosixFiles(std::string root, Ring& ring) : root_(std::move(root)), ring_(ring) {}

  Result<std::unique_ptr<File>> create(const std::string& name) override {
    return open_with(name, O_RDWR | O_CREAT | O_EXCL);
  }
  Result<std::unique_ptr<File>> open(const std::string& name) override {
    return open_with(name, O_RDONLY);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(path(from).c_str(), path(to).c_str()) == 0) return {};
    return fail(Error::from_errno(errno).during("renaming {} to {}", path(from), path(to)));
  }
  Result<void> remove(const std::string& name) override {
    if (::remove(path(name).c_str()) == 0) return {};  // A file, or a folder that is empty.
    return fail(Error::from_errno(errno).during("removing {}", path(name)));
  }
  Result<void> make_folder(const std::string& name) override {
    constexpr mode_t owner_only = 0700;
    if (::mkdir(path(name).c_str(), owner_only) == 0 || errno == EEXIST) return {};
    return fail(Error::from_errno(errno).during("making the folder {}", path(name)));
  }
  Result<void> sync_folder(const std::string& name) override {
    const UniqueFd fd(::open(path(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.is_open() && ::fsync(fd.get()) == 0) return {};
    return fail(Error::from_errno(errno).during("syncing the folder {}", path(name)));
  }

  Result<std::vector<Entry>> list(const std::string& folder) override {
    // A link in the place of a folder is somebody's trick: what is cleared must lie in here.
    const int no_link = folder.empty() ? 0 : O_NOFOLLOW;
    UniqueFd fd(::open(path(folder).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | no_link));
    DIR* open_folder = fd.is_open() ? ::fdopendir(fd.get()) : nullptr;
    if (open_folder == nullptr) {
      return fail(Error::from_errno(errno).during("listing {}", path(folder)));
    }
    const int folder_fd = fd.release();
    const std::unique_ptr<DIR, int (*)(DIR*)> closing(open_folder, ::closedir);
    std::vector<Entry> entries;
    errno = 0;
    while (const dirent* found = ::readdir(open_folder)) {
      const std::string_view name = found->d_name;
      if (name != "." && name != "..") {
        auto entry = entry_of(folder_fd, *found);
        if (entry) entries.push_back(std::move(*entry));
      }
      errno = 0;
    }
    if (errno != 0) return fail(Error::from_errno(errno).during("listing {}", path(folder)));
    std::ranges::sort(entries, {}, &Entry::name);
    return entries;
  }

  Result<std::unique_ptr<FolderLock>> lock(const std::string& name) override {
    constexpr mode_t owner_only = 0600;
    UniqueFd fd(::open(path(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, owner_only));
    if (!fd.is_open()) return fail(Error::from_errno(errno).during("locking {}", path(name)));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return fail(Error::from_errno(errno).during("locking {}", path(name)));
    }
    return std::unique_ptr<FolderLock>(new PosixLock(std::move(fd)));
  }
  Result<std::unique_ptr<FolderLock>> lock_shared(const std::string& name) override {
    constexpr mode_t owner_only = 0600;
    UniqueFd fd(
        ::open(path(name).c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, owner_only));
    if (!fd.is_open()) return fail(Error::from_errno(errno).during("locking {}", path(name)));
    int tries = 1;
    while (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK || tries++ == lock_tries) {
        return fail(Error::from_errno(errno).during("locking {}", path(name)));
      }
      ::nanosleep(&lock_pause, nullptr);
    }
    return std::unique_ptr<FolderLock>(new PosixLock(std::move(fd)));
  }

  std::string place() const override { return root_; }

 private:
  std::string path(const std::string& name) const {
    return name.empty() ? root_ : root_ + "/" + name;
  }
  Result<std::unique_ptr<File>> open_with(const std::string& name, int flags) {
    TwoWayFd fd = TRY(TwoWayFd::open(path(name), flags, limits::io_alignment));
    return std::unique_ptr<File>(new PosixFile(std::move(fd), ring_));
  }
  std::string root_;
  Ring& ring_;
};

}  // namespace

Result<std::unique_ptr<Files>> open_folder(const std::string& path, Ring& ring) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(Error::from_errno(errno).during("opening the folder {}", path));
  }
  if (!S_ISDIR(status.st_mode)) return fail(Error::invalid("{} is no folder", path));
  return std::unique_ptr<Files>(new PosixFiles(path, ring));
}

}  // namespace ebb
