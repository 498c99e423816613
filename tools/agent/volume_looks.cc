// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/volume_looks.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ebb {

namespace {

constexpr std::chrono::seconds last_moment{2};

}  // namespace

// Also of its thread, which may outlive everything else.
struct VolumeLooks::Look {
  std::mutex mutex;
  std::condition_variable changed;
  bool has_ended = false;
  Seen seen;
};

VolumeLooks::~VolumeLooks() {
  const auto until = std::chrono::steady_clock::now() + last_moment;
  for (const auto& [policy, look] : looks_) {
    std::unique_lock lock(look->mutex);
    look->changed.wait_until(lock, until, [&] { return look->has_ended; });
  }
}

bool VolumeLooks::begin(const control::PolicyOrder& policy) {
  if (looks_.contains(policy.name)) return false;
  const auto look = std::make_shared<Look>();
  looks_.emplace(policy.name, look);
  std::thread([look, policy, host = host_] {
    Seen seen{policy, find_volumes(policy, host)};
    const std::lock_guard lock(look->mutex);
    look->seen = std::move(seen);
    look->has_ended = true;
    look->changed.notify_all();
  }).detach();
  return true;
}

std::vector<VolumeLooks::Seen> VolumeLooks::take() {
  std::vector<Seen> all;
  std::erase_if(looks_, [&](const auto& entry) {
    const std::lock_guard lock(entry.second->mutex);
    if (entry.second->has_ended) all.push_back(std::move(entry.second->seen));
    return entry.second->has_ended;
  });
  return all;
}

}  // namespace ebb
