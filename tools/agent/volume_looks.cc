// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/volume_looks.h"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace ebb {

namespace {

constexpr std::chrono::seconds last_moment{2};

}  // namespace

struct VolumeLooks::State {
  std::mutex mutex;
  std::condition_variable ended;
  bool is_looking = false;
  std::optional<Seen> seen;
};

VolumeLooks::VolumeLooks(std::string host)
    : host_(std::move(host)), state_(std::make_shared<State>()) {}

VolumeLooks::~VolumeLooks() {
  std::unique_lock lock(state_->mutex);
  state_->ended.wait_for(lock, last_moment, [&] { return !state_->is_looking; });
}

bool VolumeLooks::begin(const std::vector<control::PolicyOrder>& policies) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->is_looking) return false;
    state_->is_looking = true;
  }
  std::thread([state = state_, host = host_, policies] {
    Seen seen{policies, {}};
    for (const control::PolicyOrder& policy : policies) {
      seen.targets[policy.name] = find_volumes(policy, host);
    }
    const std::lock_guard lock(state->mutex);
    state->seen = std::move(seen);
    state->is_looking = false;
    state->ended.notify_all();
  }).detach();
  return true;
}

std::optional<VolumeLooks::Seen> VolumeLooks::take() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->seen, std::nullopt);
}

}  // namespace ebb
