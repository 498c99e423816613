// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/manager_poll.h"

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
  return keep_copy(*manager);
}

// What came since the last time, or everything where that would not do: points went, or the
// manager has another catalog than the one that was told.
Result<void> ManagerPoll::tell_points(control::ControlClient& manager,
                                      const std::string& repository,
                                      std::uint64_t managers_listing) {
  Listed& listed = listed_[repository];
  const bool goes_on = listed.listing != 0 && listed.listing == managers_listing;
  const auto news =
      world_.service.point_news(repository, goes_on ? std::optional(listed.told) : std::nullopt);
  if (!news) return {};
  std::vector<control::PointToTell> points;
  for (const StorageService::StoredPoint& point : news->points) {
    points.push_back({control::WirePointId{point.point}, control::WireVolumeId{point.volume},
                      point.sequence, point.created, point.arrived, point.device.value(),
                      point.stored.value()});
  }
  if (news->is_all) {
    listed.listing = TRY(
        manager.tell_points(repository, control::WireRepositoryId{news->repository_id}, points));
  } else {
    TRY(manager.tell_more_points(listed.listing, points));
  }
  listed.told = news->told;
  return {};
}

// A full disk, or a manager that is too old for it, is no reason to stop telling.
Result<void> ManagerPoll::keep_copy(control::ControlClient& manager) {
  if (world_.copies.is_empty()) return {};
  if (!copy_) copy_ = world_.copies.newest();
  const auto copy = manager.newer_copy(copy_);
  if (!copy && copy.error().kind() == ErrorKind::lost) return fail(copy.error());
  const auto kept = !copy               ? Result<void>(fail(copy.error()))
                    : copy->has_value() ? world_.copies.keep((*copy)->bytes, world_.clock.wall())
                                        : Result<void>();
  const std::string trouble = kept ? "" : kept.error().text();
  if (kept && copy->has_value()) copy_ = (*copy)->digest;
  if (!trouble.empty() && trouble != copy_trouble_) {
    world_.log("cannot keep a copy of the manager's state: " + trouble);
  }
  copy_trouble_ = trouble;
  return {};
}

}  // namespace ebb
