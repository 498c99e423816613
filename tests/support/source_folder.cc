// SPDX-License-Identifier: Apache-2.0
#include "tests/support/source_folder.h"

namespace ebb::test {

std::string source_file(const std::string& path) {
  return std::string(EBB_SOURCE_FOLDER) + "/" + path;
}

}  // namespace ebb::test
