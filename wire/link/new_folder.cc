// SPDX-License-Identifier: Apache-2.0
#include "wire/link/new_folder.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "wire/link/secret_file.h"

namespace ebb {

namespace fs = std::filesystem;

Result<NewFolder> NewFolder::begin(std::string place) {
  while (place.size() > 1 && place.ends_with('/')) place.pop_back();
  std::error_code code;
  if (fs::exists(fs::symlink_status(place, code)) &&
      !(fs::is_directory(place, code) && fs::is_empty(place, code))) {
    return fail(Error::invalid("there is something at {} already", place));
  }
  const fs::path parent = fs::path(place).parent_path();
  if (!parent.empty()) {
    fs::create_directories(parent, code);
    if (code) return fail(Error::from_errno(code.value()).during("making {}", parent.string()));
  }
  std::string building = place + ".new-XXXXXX";
  if (::mkdtemp(building.data()) == nullptr) {
    return fail(Error::from_errno(errno).during("making a folder beside {}", place));
  }
  return NewFolder(std::move(place), std::move(building));
}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : place_(std::move(other.place_)), building_(std::exchange(other.building_, {})) {}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!building_.empty()) fs::remove_all(building_, ignored);
}

Result<void> NewFolder::publish() {
  TRY(sync_entries(building_));
  // Over an empty folder too; rename(2) refuses one that has got something in it meanwhile.
  if (::rename(building_.c_str(), place_.c_str()) != 0) {
    return fail(Error::from_errno(errno).during("naming {}", place_));
  }
  building_.clear();
  const fs::path parent = fs::path(place_).parent_path();
  return sync_entries(parent.empty() ? "." : parent.string());
}

}  // namespace ebb
