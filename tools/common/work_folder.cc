// SPDX-License-Identifier: Apache-2.0
#include "tools/common/work_folder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace ebb {

Result<WorkFolder> WorkFolder::make(const std::string& parent) {
  std::string path = parent + "/ebb-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return fail(Error::from_errno(errno).during("making a folder in {}", parent));
  }
  return WorkFolder(std::move(path));
}

WorkFolder::~WorkFolder() {
  std::error_code error;
  if (!path_.empty()) std::filesystem::remove_all(path_, error);
}

}  // namespace ebb
