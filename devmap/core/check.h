// SPDX-License-Identifier: Apache-2.0
// check.h - promises that ebb makes to itself.
//
// EBB_CHECK is for what can only be false when our own code is wrong: an index past a map, a buffer
// given back twice. It is on in every build and stops the process, because going on could write
// wrong bytes. What the world can do to us is a Result (result.h), never a check.
#pragma once

#include <string_view>

namespace ebb {

[[noreturn]] void check_failed(const char* file, int line, std::string_view condition,
                               std::string_view why);

}  // namespace ebb

#define EBB_CHECK(condition, why)                                 \
  do {                                                            \
    if (!(condition)) [[unlikely]]                                \
      ::ebb::check_failed(__FILE__, __LINE__, #condition, (why)); \
  } while (false)
