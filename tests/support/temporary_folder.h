// SPDX-License-Identifier: Apache-2.0
// temporary_folder.h - a folder of a test's own, gone with it.
#pragma once

#include <string>

namespace ebb::test {

// Made below $TMPDIR (or /tmp); removed with all it holds, without crossing into mounts. Stops the
// test program when it cannot be made.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  // The path of `name` in it.
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace ebb::test
