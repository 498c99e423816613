// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/manager_poll.h"

#include "devmap/core/version.h"
#include "tools/common/tell_jobs.h"

namespace ebb {

ManagerPoll::ManagerPoll(World world, std::chrono::seconds every)
    : world_(std::move(world)), every_(every) {
  // The manager may be down, and they were told already.
  for (const HolderId& holder :
       world_.state.read([](const StorageState& state) { return state.revoked; })) {
    world_.service.revoke(holder);
  }
  thread_ = std::thread([this] { run(); });
}

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
  const auto heard = world_.state.read([](const StorageState& state) { return state.heard; });
  const control::StorageOrders orders = TRY(manager->poll_storage(world_.own_address, heard));
  for (const HolderId& holder : orders.revoked) world_.service.revoke(holder);
  world_.state.change([&](StorageState& state) { state.take(orders); });
  TRY(tell_jobs(*manager, world_.state, world_.log));
  std::map<std::string, std::uint64_t> listings;
  for (const auto& repository : orders.repositories) {
    listings[repository.name] = repository.listing;
  }
  for (const std::string& repository : world_.service.repositories()) {
    TRY(during(tell_points(*manager, repository, listings[repository]), "telling the points of {}",
               repository));
  }
  return {};
}

// What came since the last time, or everything where that would not do: points went, or the
// manager has another catalog than the one that was told.
Result<void> ManagerPoll::tell_points(control::ControlClient& manager,
                                      const std::string& repository,
                                      std::uint64_t managers_listing) {
  Listed& listed = listed_[repository];
  const bool goes_on = listed.listing != 0 && listed.listing == managers_listing;
  const auto news = world_.service.point_news(
      repository, goes_on ? std::optional(listed.told) : std::nullopt);
  if (!news) return {};
  std::vector<control::PointToTell> points;
  for (const StorageService::StoredPoint& point : news->points) {
    points.push_back({control::WirePointId{point.point}, control::WireVolumeId{point.volume},
                      point.sequence, point.created, point.arrived, point.device.value(),
                      point.stored.value()});
  }
  if (news->is_all) {
    listed.listing = TRY(manager.tell_points(
        repository, control::WireRepositoryId{news->repository_id}, points));
  } else {
    TRY(manager.tell_more_points(listed.listing, points));
  }
  listed.told = news->told;
  return {};
}

}  // namespace ebb
