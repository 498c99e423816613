// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/manager_poll.h"

#include "devmap/core/version.h"
#include "tools/common/tell_jobs.h"
#include "wire/control/client/renewal.h"

namespace ebb {

namespace {

// Cut off, or it does not answer: then it will not answer what is asked next either.
bool is_away(const Error& error) {
  return error.kind() == ErrorKind::lost || error.kind() == ErrorKind::busy;
}

}  // namespace

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
  TRY(keep_copy(*manager));
  std::map<std::string, control::StoredRepository> managers;
  for (const auto& repository : orders.repositories) managers[repository.name] = repository;
  for (const std::string& repository : world_.service.repositories()) {
    if (is_ending()) return {};
    const auto told = tell_points(*manager, repository, managers[repository]);
    if (!told && is_away(told.error())) return told;
    // One that the manager does not take must not stand before the others.
    say_once("the manager does not take the points of " + repository,
             told ? "" : told.error().text());
  }
  const auto renewed = renew_certificate(*manager);
  say_once("cannot renew the certificate", renewed ? "" : renewed.error().text());
  return {};
}

bool ManagerPoll::is_ending() {
  const std::lock_guard lock(mutex_);
  return ending_;
}

// What it shows to clients, too.
Result<void> ManagerPoll::renew_certificate(control::ControlClient& manager) {
  auto renewed = TRY(control::renew_certificate_when_due(manager, world_.identity,
                                                         world_.state_folder, world_.clock.wall()));
  if (!renewed) return {};
  world_.identity.certificate = *renewed;
  world_.service.show_certificate(std::move(*renewed));
  world_.log("renewed the certificate");
  return {};
}

void ManagerPoll::say_once(const std::string& what, const std::string& trouble) {
  std::string& before = troubles_[what];
  if (!trouble.empty() && trouble != before) world_.log(what + ": " + trouble);
  before = trouble;
}

// What came since the last time, or everything where that would not do: points went, or the
// manager has another catalog than the one that was told.
Result<void> ManagerPoll::tell_points(control::ControlClient& manager,
                                      const std::string& repository,
                                      const control::StoredRepository& managers) {
  Listed& listed = listed_[repository];
  const bool goes_on =
      listed.mark && listed.listing == managers.listing && listed.mark == managers.told;
  const auto news =
      world_.service.point_news(repository, goes_on ? std::optional(listed.told) : std::nullopt);
  if (!news) return {};
  std::vector<control::PointToTell> points;
  for (const StorageService::StoredPoint& point : news->points) {
    points.push_back({control::WirePointId{point.point}, control::WireVolumeId{point.volume},
                      point.sequence, point.created, point.arrived, point.device.value(),
                      point.stored.value()});
  }
  const auto mark = world_.random.name<control::ToldMark>();
  if (news->is_all) {
    listed.listing = TRY(manager.tell_points(
        repository, control::WireRepositoryId{news->repository_id}, points, mark));
  } else {
    TRY(manager.tell_more_points(listed.listing, points, mark));
  }
  listed.mark = mark;
  listed.told = news->told;
  return {};
}

// A full disk, or a manager that is too old for it, is no reason to stop telling.
Result<void> ManagerPoll::keep_copy(control::ControlClient& manager) {
  if (world_.copies.is_empty()) return {};
  if (!copy_) copy_ = world_.copies.newest();
  const auto copy = manager.newer_copy(copy_);
  if (!copy && is_away(copy.error())) return fail(copy.error());
  const auto kept = !copy               ? Result<void>(fail(copy.error()))
                    : copy->has_value() ? world_.copies.keep((*copy)->bytes, world_.clock.wall())
                                        : Result<void>();
  if (kept && copy->has_value()) copy_ = (*copy)->digest;
  say_once("cannot keep a copy of the manager's state", kept ? "" : kept.error().text());
  return {};
}

}  // namespace ebb
