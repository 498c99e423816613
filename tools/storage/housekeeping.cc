// SPDX-License-Identifier: Apache-2.0
#include "tools/storage/housekeeping.h"

#include <algorithm>

#include "tools/storage/chore_text.h"

namespace ebb {

namespace {

// After a start, so that a host comes up first; and after a failure, if the period is longer.
constexpr std::int64_t settle_seconds = 600;
constexpr std::int64_t again_seconds = 3600;
constexpr const char* by_schedule = "schedule";
constexpr const char* retention = "retention";
constexpr const char* scrub = "scrub";

}  // namespace

Housekeeping::Housekeeping(World world, const HousekeepingPlan& plan)
    : world_(std::move(world)), plan_(plan), known_since_(moment_of(world_.clock.wall()).seconds) {
  world_.state.change([&](StorageState& state) {
    end_running(state.jobs, world_.clock.wall(), "ebb-storage ended while it ran");
  });
}

void Housekeeping::tick(StorageService& service) {
  const double now = world_.clock.steady_seconds();
  if (now - looked_at_ < 1) return;
  looked_at_ = now;
  for (const std::string& repository : world_.repositories) {
    if (service.takes_chores(repository)) begin_what_is_due(service, repository);
  }
}

std::chrono::seconds Housekeeping::period_of(const std::string& what) const {
  return what == scrub ? plan_.scrub_every : plan_.retention_every;
}

std::optional<std::int64_t> Housekeeping::due(const std::string& repository,
                                              const std::string& what) const {
  const auto period = period_of(what).count();
  if (period == 0) return std::nullopt;
  const Rule rule{static_cast<std::uint64_t>(period), plan_.window,
                  static_cast<std::uint32_t>(std::min(settle_seconds, period))};
  History history{known_since_, {}};
  world_.state.read([&](const StorageState& state) {
    const auto of = state.ended.find(repository);
    if (of == state.ended.end() || !of->second.contains(what)) return;
    history.last_end = of->second.at(what);
  });
  return due_since(rule, history, moment_of(world_.clock.wall()));
}

std::vector<Chore> Housekeeping::chores_for(const std::string& repository,
                                            const std::string& what) const {
  if (what == scrub) return {ScrubChore{ScrubMode::repair}};
  std::vector<Chore> chores;
  world_.state.read([&](const StorageState& state) {
    const auto rules = state.keep.find(repository);
    if (rules == state.keep.end() || rules->second.empty()) return;
    PruneChore prune;
    prune.request.of_volumes = rules->second;
    chores.emplace_back(std::move(prune));
  });
  chores.emplace_back(CollectChore{});
  return chores;
}

// Of two that are due, the one that is for longer. The rules are those of the moment it begins.
void Housekeeping::begin_what_is_due(StorageService& service, const std::string& repository) {
  if (world_.stop.raised()) return;
  if (!tasks_.contains(repository)) {
    const auto points = due(repository, retention);
    const auto rot = due(repository, scrub);
    if (!points && !rot) return;
    const std::string what = points && (!rot || *points <= *rot) ? retention : scrub;
    tasks_[repository] = {what, chores_for(repository, what), false};
  }
  const Chore chore = tasks_[repository].left.front();
  if (const auto began = service.begin_chore(repository, chore, by_schedule); !began) {
    world_.log(fmt::format("could not begin chore={} repository={} reason={}", name_of(chore),
                           repository, began.error().text()));
  }
}

void Housekeeping::chored(const ChoreNews& news) {
  if (!only_looks(news.chore) || std::holds_alternative<ScrubChore>(news.chore)) {
    world_.log(log_line_of(news));
    const control::JobToReport job = job_of(news);
    world_.state.change([&](StorageState& state) { put_job(state.jobs, job); });
  }
  if (news.ended && news.by == by_schedule) step_ended(news);
}

void Housekeeping::step_ended(const ChoreNews& news) {
  const auto found = tasks_.find(news.repository);
  if (world_.stop.raised() || found == tasks_.end()) return;
  Task& task = found->second;
  task.left.erase(task.left.begin());
  task.went_wrong = task.went_wrong || !*news.result;
  if (!task.left.empty()) return;
  note_done(news.repository, task);
  tasks_.erase(found);
}

// What failed counts as done so long ago that it is tried again soon.
void Housekeeping::note_done(const std::string& repository, const Task& task) {
  const auto every = period_of(task.what);
  std::int64_t when = moment_of(world_.clock.wall()).seconds;
  if (task.went_wrong) when -= std::max<std::int64_t>(0, every.count() - again_seconds);
  world_.state.change([&](StorageState& state) { state.ended[repository][task.what] = when; });
}

}  // namespace ebb
