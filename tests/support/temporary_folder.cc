// SPDX-License-Identifier: Apache-2.0
#include "tests/support/temporary_folder.h"

#include <ftw.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace ebb::test {

namespace {

int remove_one(const char* path, const struct stat*, int, struct FTW*) {
  ::remove(path);
  return 0;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/ebb-test-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) {
    std::perror(path_.c_str());
    std::abort();
  }
}

TemporaryFolder::~TemporaryFolder() {
  // FTW_MOUNT: a mount that a test left behind must not be emptied.
  ::nftw(path_.c_str(), remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

}  // namespace ebb::test
