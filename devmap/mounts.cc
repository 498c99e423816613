// SPDX-License-Identifier: Apache-2.0
#include "devmap/mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "devmap/text_file.h"

namespace ebb {

namespace {

// 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
std::optional<MountEntry> entry_in(const std::string& line) {
  const auto words = words_of(line);
  const auto dash = std::find(words.begin(), words.end(), "-");
  if (dash - words.begin() < 6 || words.end() - dash < 3) return std::nullopt;
  MountEntry entry;
  entry.id = number_in(words[0]).value_or(0);
  entry.number = words[2];
  entry.folder = without_octal_escapes(words[4]);
  entry.type = dash[1];
  entry.source = without_octal_escapes(dash[2]);
  if (words.end() - dash > 3) entry.options = without_octal_escapes(dash[3]);
  return entry;
}

std::optional<std::uint64_t> mount_id(const std::string& path) {
  struct statx status {};
  if (::statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT, STATX_MNT_ID, &status) != 0 ||
      (status.stx_mask & STATX_MNT_ID) == 0) {
    return std::nullopt;
  }
  return status.stx_mnt_id;
}

bool is_above(const std::string& folder, const std::string& path) {
  if (folder == "/" || folder == path) return true;
  return path.size() > folder.size() && path.compare(0, folder.size(), folder) == 0 &&
         path[folder.size()] == '/';
}

}  // namespace

std::vector<MountEntry> mounts(const SystemRoots& roots) {
  std::vector<MountEntry> entries;
  for (const std::string& line : lines_of(file_text(roots.proc + "/self/mountinfo", 16u << 20))) {
    if (auto entry = entry_in(line)) entries.push_back(std::move(*entry));
  }
  return entries;
}

std::optional<MountEntry> mount_of(const std::string& path, const SystemRoots& roots) {
  const auto id = mount_id(path);
  const std::string real = real_path(path).value_or(path);
  std::optional<MountEntry> longest;
  for (const MountEntry& entry : mounts(roots)) {
    if (id && entry.id == *id) return entry;
    // A later mount on the same folder hides the earlier one.
    if (is_above(entry.folder, real) &&
        (!longest || entry.folder.size() >= longest->folder.size())) {
      longest = entry;
    }
  }
  return longest;
}

}  // namespace ebb
