// SPDX-License-Identifier: Apache-2.0
// scratch_place.h - a folder for temporary files that only one test uses, named by $TMPDIR.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>

#include "tests/support/temporary_folder.h"

namespace ebb::test {

class ScratchPlace {
 public:
  ScratchPlace() {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    ::setenv("TMPDIR", folder_.path().c_str(), 1);
  }
  ~ScratchPlace() {
    if (before_) {
      ::setenv("TMPDIR", before_->c_str(), 1);
    } else {
      ::unsetenv("TMPDIR");
    }
  }
  ScratchPlace(const ScratchPlace&) = delete;
  ScratchPlace& operator=(const ScratchPlace&) = delete;

  const std::string& path() const { return folder_.path(); }
  // What lies in it.
  std::size_t count() const {
    const std::filesystem::directory_iterator all(folder_.path());
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

 private:
  TemporaryFolder folder_;
  std::optional<std::string> before_;
};

}  // namespace ebb::test
