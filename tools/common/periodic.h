// SPDX-License-Identifier: Apache-2.0
// periodic.h - work that is done again and again in a thread of its own, until its owner ends.
//
// At once, then a while after each time; sooner when woken. The destructor waits for work that is
// under way.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace ebb {

class Periodic {
 public:
  Periodic(std::chrono::milliseconds every, std::function<void()> work);
  ~Periodic();
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

  void wake();

 private:
  void run();

  const std::chrono::milliseconds every_;
  const std::function<void()> work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_woken_ = false;  // Under mutex_, as is what follows.
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace ebb
