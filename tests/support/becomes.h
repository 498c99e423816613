// SPDX-License-Identifier: Apache-2.0
// becomes.h - waiting for what other processes do.
#pragma once

#include <chrono>
#include <thread>

namespace ebb::test {

// Looks until it is so; minutes pass here at most, and never decide.
template <class IsSo>
bool becomes(IsSo is_so) {
  for (int i = 0; i < 1500; ++i) {
    if (is_so()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  return false;
}

}  // namespace ebb::test
