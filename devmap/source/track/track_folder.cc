// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/track_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr const char* file_system = "/sys/fs/bpf";
constexpr const char* root = "/sys/fs/bpf/ebb";
constexpr const char* unfinished = "/sys/fs/bpf/ebb/unfinished";

// systemd mounts it; where there is none, we do, in the same way.
Result<void> ensure_mounted() {
  struct statfs status {};
  if (::statfs(file_system, &status) == 0 && status.f_type == BPF_FS_MAGIC) return {};
  constexpr unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
  if (::mount("bpf", file_system, "bpf", flags, "mode=700") != 0) {
    return fail(Error::from_errno(errno).during("mounting the BPF file system on {}", file_system));
  }
  return {};
}

Result<void> make_folder(const char* path) {
  if (::mkdir(path, 0700) != 0 && errno != EEXIST) {
    return fail(Error::from_errno(errno).during("making {}", path));
  }
  return {};
}

}  // namespace

Result<TrackLock> TrackLock::take() {
  if (::geteuid() != 0) return fail(Error::denied("tracking needs root"));
  TRY(ensure_mounted());
  TRY(make_folder(root));
  UniqueFd fd(::open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.is_open()) return fail(Error::from_errno(errno).during("opening {}", root));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return fail(Error::from_errno(errno).during("locking {}", root));
  }
  return TrackLock(std::move(fd));
}

// The BPF file system wants no dots or colons in names.
std::string track_folder_of(dev_t number) {
  return fmt::format("{}/{}_{}", root, major(number), minor(number));
}

Result<std::string> make_unfinished_track_folder(const TrackLock& lock) {
  TRY(remove_track_folder(lock, unfinished));
  TRY(make_folder(unfinished));
  return std::string(unfinished);
}

Result<void> finish_track_folder(const TrackLock&, dev_t number) {
  const std::string folder = track_folder_of(number);
  if (::rename(unfinished, folder.c_str()) != 0) {
    return fail(Error::from_errno(errno).during("making {}", folder));
  }
  return {};
}

Result<void> remove_track_folder(const TrackLock&, const std::string& folder) {
  for (const std::string& name : names_in(folder)) {
    const std::string path = folder + "/" + name;
    if (::unlink(path.c_str()) != 0)
      return fail(Error::from_errno(errno).during("removing {}", path));
  }
  if (::rmdir(folder.c_str()) != 0 && errno != ENOENT) {
    return fail(Error::from_errno(errno).during("removing {}", folder));
  }
  return {};
}

std::vector<dev_t> devices_with_track_folders() {
  std::vector<dev_t> numbers;
  for (const std::string& name : names_in(root)) {
    const std::size_t bar = name.find('_');
    if (bar == std::string::npos) continue;
    const auto high = number_in(name.substr(0, bar));
    const auto low = number_in(name.substr(bar + 1));
    if (high && low) {
      numbers.push_back(::makedev(static_cast<unsigned>(*high), static_cast<unsigned>(*low)));
    }
  }
  return numbers;
}

}  // namespace ebb
