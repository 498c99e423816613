// SPDX-License-Identifier: Apache-2.0
#include "devmap/core/check.h"

#include <cstdio>
#include <cstdlib>

namespace ebb {

void check_failed(const char* file, int line, std::string_view condition, std::string_view why) {
  std::fprintf(stderr, "ebb: broken promise at %s:%d: %.*s (%.*s)\n", file, line,
               static_cast<int>(condition.size()), condition.data(), static_cast<int>(why.size()),
               why.data());
  std::abort();
}

}  // namespace ebb
