// SPDX-License-Identifier: Apache-2.0
// interrupt.h - a wish to stop that long work looks at between its steps.
#pragma once

#include <atomic>

namespace ebb {

class StopFlag {
 public:
  void raise() { raised_.store(true, std::memory_order_relaxed); }
  bool raised() const { return raised_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> raised_{false};
};

}  // namespace ebb
