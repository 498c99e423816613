// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/target.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "devmap/core/unique_fd.h"
#include "devmap/probe.h"

namespace ebb {

Result<void> still_the_same(const std::string& path, const Passport& planned) {
  const Passport now = TRY(during(probe(path), "looking at the target again"));
  if (now.shape == planned.shape && identity_text(now) == identity_text(planned)) return {};
  return fail(
      Error::mismatch("{} is another device than the one that was planned for; nothing was "
                      "written",
                      path));
}

Result<void> make_image(const std::string& path, ByteCount size) {
  constexpr mode_t owner_only = 0600;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only));
  if (!fd.is_open() || ::ftruncate(fd.get(), static_cast<off_t>(size.value())) != 0) {
    return fail(Error::from_errno(errno).during("making {}", path));
  }
  return {};
}

std::string absolute_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.string();
}

std::string target_identity(const std::string& path, const Passport& target) {
  // An image is its path: a restore that makes it knows no more of it yet.
  return fmt::format("{} {} {}", absolute_path(path), target.shape.size.value(),
                     target.kind == "image" ? "" : identity_text(target));
}

std::string restore_journal_path(const Passport& target) {
  if (target.kind == "image") return target.path + ".ebb-restore";
  std::string name = absolute_path(target.path);
  std::ranges::replace(name, '/', '-');
  return "/var/lib/ebb/restore/" + name.substr(1);
}

}  // namespace ebb
