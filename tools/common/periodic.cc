// SPDX-License-Identifier: Apache-2.0
#include "tools/common/periodic.h"

#include <utility>

namespace ebb {

Periodic::Periodic(std::chrono::milliseconds every, std::function<void()> work)
    : every_(every), work_(std::move(work)), thread_([this] { run(); }) {}

Periodic::~Periodic() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Periodic::wake() {
  {
    const std::lock_guard lock(mutex_);
    is_woken_ = true;
  }
  changed_.notify_all();
}

void Periodic::run() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    is_woken_ = false;
    lock.unlock();
    work_();
    lock.lock();
    changed_.wait_for(lock, every_, [this] { return is_ending_ || is_woken_; });
  }
}

}  // namespace ebb
