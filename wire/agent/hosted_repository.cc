// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/hosted_repository.h"

#include <algorithm>

namespace ebb {

namespace {

// What all puts that are under way may hold together, in batches.
constexpr unsigned puts_of_all_runs = 48;
constexpr unsigned most_puts_of_a_run = 12;
constexpr std::size_t broken_kept = 256;
constexpr std::size_t losses_kept = 65'536;
// Of the room that is to be left, what those that run may not take either: a collection makes an
// index of what is needed, and writes before it removes.
constexpr std::uint64_t last_part = 4;

}  // namespace

Result<Repository*> HostedRepository::repository() {
  if (!opening_) opening_ = std::make_unique<Turnstile>(world_.kj, 1);
  const Turnstile::Place place(*opening_);
  if (!repository_) {
    repository_ =
        TRY(Repository::open(*files_, world_.kj.ring(), world_.random, StoreAccess::write));
  }
  return repository_.get();
}

Result<void> HostedRepository::has_room(std::uint64_t part, std::string_view refused) const {
  if (files_->place().empty()) return {};
  const FreeRoom room = TRY(free_room(files_->place()));
  const ByteCount least(world_.room_to_leave.of(room.size).value() / part);
  if (room.free >= least) return {};
  return fail(Error{ErrorKind::full,
                    fmt::format("the disk of repository {} has {} MiB left of {}, and {} MiB are "
                                "kept free: {}; remove points and collect, or give it more room",
                                name_, room.free.value() >> 20, room.size.value() >> 20,
                                least.value() >> 20, refused)});
}

Result<void> HostedRepository::has_room_for_a_new_run() const {
  return has_room(1, "no backup begins");
}

Result<void> HostedRepository::has_room_to_go_on() const {
  return has_room(last_part, "this backup ends");
}

// Somebody else's run is left alone; the former try of this run is ended, and so is one that was
// committed: all that its peer still has to do is to hang up, and that may be on its way for long.
Result<void> HostedRepository::make_way_for(const RunStart& start) {
  for (;;) {
    const auto there = runs_.find(start.volume);
    if (there == runs_.end()) break;
    const OpenRun& run = *there->second;
    if (run.start.data_key != start.data_key && !run.abandoned && !run.committed) {
      return fail(Error::busy("a backup of this volume is under way; wait for it to end"));
    }
    const std::shared_ptr<OpenRun> former = there->second;
    end(former);
  }
  if (const auto broken = broken_.find(start.data_key); broken != broken_.end()) {
    return fail(Error::busy("what this run sent before was lost ({}); run it again",
                            broken->second.text()));
  }
  return {};
}

Result<HostedRepository::Begun> HostedRepository::begin(const RunStart& start) {
  Repository* repository = TRY(this->repository());
  TRY(make_way_for(start));  // A former try would keep its place.
  TRY(has_room_for_a_new_run());
  auto place = std::make_unique<Turnstile::Place>(world_.runs);
  TRY(make_way_for(start));
  const auto run = std::make_shared<OpenRun>();
  run->start = start;
  if (losses_.size() >= losses_kept) losses_.erase(losses_.begin());
  run->losses = losses_.try_emplace(start.data_key, repository->packs().losses()).first->second;
  run->place = std::move(place);
  run->sink = std::make_unique<LocalSink>(*repository, world_.workers, world_.memory);
  runs_.emplace(start.volume, run);  // Before anything waits.
  auto base = [&] {
    const RunCall call(*run, world_.kj);
    return run->sink->begin(start);
  }();
  if (!base) {
    end(run);
    return fail(base.error());
  }
  if (run->abandoned) return fail(Error::lost("this run was begun anew meanwhile"));
  return Begun{run, std::move(*base)};
}

void HostedRepository::end(const std::shared_ptr<OpenRun>& run) {
  if (run->abandoned) {
    // Somebody is at it already.
    while (run->sink) world_.kj.wait_for_a_turn();
    return;
  }
  run->abandoned = true;
  while (run->under_way > 0) world_.kj.wait_for_a_turn();
  if (auto flushed = run->sink->flush(); !flushed && !run->broken) run->broken = flushed.error();
  if (run->broken) {
    if (broken_.size() >= broken_kept) broken_.erase(broken_.begin());
    broken_.insert_or_assign(run->start.data_key, *run->broken);
  }
  if (run->committed) losses_.erase(run->start.data_key);
  run->sink.reset();
  run->place.reset();
  if (const auto there = runs_.find(run->start.volume);
      there != runs_.end() && there->second == run) {
    runs_.erase(there);
  }
  world_.kj.called_back();
}

unsigned HostedRepository::window() const {
  const unsigned runs = std::max(1u, open_runs());
  return std::clamp(puts_of_all_runs / runs, 1u, most_puts_of_a_run);
}

}  // namespace ebb
