// SPDX-License-Identifier: Apache-2.0
// own_mounts.h - a mount namespace for the test's process, with a BPF file system of its own.
//
// Mounts and trackers that the test makes are seen by nobody else and go with the process, however
// it ends. Not undone: the process stays in it.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace ebb::test {

// Empty when loop devices can be made and tracked here, else why not.
std::string why_nothing_can_be_tracked();

}  // namespace ebb::test

#define EBB_NEEDS_TRACKER()                                                              \
  do {                                                                                   \
    if (const std::string why = ::ebb::test::why_nothing_can_be_tracked(); !why.empty()) \
      GTEST_SKIP() << why;                                                               \
  } while (false)
