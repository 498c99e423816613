// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/manager_poll.h"

#include <map>

#include "devmap/core/version.h"
#include "tools/common/tell_jobs.h"

namespace ebb {

ManagerPoll::ManagerPoll(World world, std::chrono::seconds every)
    : world_(std::move(world)), every_(every), thread_([this] { run(); }) {}

ManagerPoll::~ManagerPoll() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ManagerPoll::run() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const auto polled = poll();
    if (polled.has_value() != was_reached_) {
      world_.log(
          polled ? std::string("reached the manager again")
                 : fmt::format("cannot reach the manager, and goes on with what tickets say: {}",
                               polled.error().text()));
      was_reached_ = polled.has_value();
    }
    lock.lock();
    changed_.wait_for(lock, every_, [this] { return ending_; });
  }
}

Result<void> ManagerPoll::poll() {
  const auto manager = TRY(control::ControlClient::connect(world_.identity, version_text));
  const control::StorageOrders orders =
      TRY(manager->poll_storage(world_.own_address, revocations_up_to_));
  for (const HolderId& holder : orders.revoked) world_.service.revoke(holder);
  revocations_up_to_ = orders.revocations_up_to;
  world_.state.change([&](StorageState& state) { state.take(orders); });
  TRY(tell_jobs(*manager, world_.state, world_.log));
  std::uint64_t version = points_told_;
  TRY(tell(*manager, world_.service.points_after(version)));
  points_told_ = version;
  return {};
}

// All points of each repository: the manager's catalog can be lost and made anew.
Result<void> ManagerPoll::tell(control::ControlClient& manager,
                               const std::vector<StorageService::StoredPoint>& points) {
  std::map<std::string, std::vector<control::PointToTell>> lists;
  std::map<std::string, control::WireRepositoryId> ids;
  for (const StorageService::StoredPoint& point : points) {
    ids[point.repository] = control::WireRepositoryId{point.repository_id};
    lists[point.repository].push_back(
        {control::WirePointId{point.point}, control::WireVolumeId{point.volume}, point.sequence,
         point.created, point.arrived, point.device.value(), point.stored.value()});
  }
  for (const auto& [repository, list] : lists) {
    TRY(during(manager.tell_points(repository, ids[repository], list), "telling the points of {}",
               repository));
  }
  return {};
}

}  // namespace ebb
