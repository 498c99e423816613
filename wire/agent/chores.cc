// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/chores.h"

#include <algorithm>

#include "wire/agent/hosted_repository.h"

namespace ebb {

namespace {

constexpr std::size_t ended_kept = 4;
// Of its time beside others: as long as it worked it rests, but never longer than this, so that it
// sees soon that it shall end.
constexpr double longest_rest = 0.2;
// How long a collection waits for backups and restores that were there before it. What it could not
// remove by then is left to the next one.
constexpr double longest_wait = 3600;
constexpr kj::Duration look_every = 100 * kj::MILLISECONDS;

void sleep(RingInKj& kj, kj::Duration time) {
  kj.wait_for(kj.io().provider->getTimer().afterDelay(time));
}

// Lets others have their turn. A timer, even one of no time, lets the kernel be asked first.
class Pace {
 public:
  explicit Pace(AgentWorld& world) : world_(world), since_(world.clock.steady_seconds()) {}
  void breathe() {
    const double worked = world_.clock.steady_seconds() - since_;
    const bool others = world_.runs.inside() > 0 || world_.fetches.inside() > 0;
    const double rest = others ? std::clamp(worked, 0.0, longest_rest) : 0;
    sleep(world_.kj, static_cast<std::int64_t>(rest * 1e9) * kj::NANOSECONDS);
    since_ = world_.clock.steady_seconds();
  }

 private:
  AgentWorld& world_;
  double since_;
};

class Watching final : public Observer {
 public:
  explicit Watching(ChoreRun& run) : run_(run) {}
  void progress(const Progress& progress) override {
    if (run_.phase != progress.phase) run_.phase = progress.phase;
    run_.done = progress.done;
    run_.total = progress.total;
  }
  void note(std::string_view) override {}

 private:
  ChoreRun& run_;
};

}  // namespace

std::shared_ptr<ChoreRun> Chores::find(const ChoreId& id) const {
  if (running_ && running_->id == id) return running_;
  const auto found = std::ranges::find_if(ended_, [&](const auto& run) { return run->id == id; });
  return found == ended_.end() ? nullptr : *found;
}

Result<std::shared_ptr<ChoreRun>> Chores::begin(const ChoreId& id, const Chore& chore,
                                                const std::string& by) {
  if (closing_) return fail(Error::busy("the storage agent is ending"));
  if (running_) {
    return fail(Error::busy("a {} of this repository is under way since {}, begun by {}",
                            name_of(running_->chore), running_->began.text(), running_->by));
  }
  AgentWorld& world = repository_.world();
  auto run = std::make_shared<ChoreRun>();
  run->id = id;
  run->chore = chore;
  run->by = by;
  run->began = world.clock.wall();
  running_ = run;
  world.chored(repository_.name(), *run);
  world.kj.run_detached([this, run] { carry_out(*run); });
  return run;
}

void Chores::stop() {
  closing_ = true;
  if (running_) running_->stop.raise();
}

void Chores::carry_out(ChoreRun& run) {
  AgentWorld& world = repository_.world();
  {
    // A prune takes no time and no memory; of the others one at a time has its memory.
    std::optional<Turnstile::Place> place;
    if (!std::holds_alternative<PruneChore>(run.chore)) place.emplace(world.chores);
    run.result = report(run);
  }
  run.ended = world.clock.wall();
  ended_.push_back(std::exchange(running_, nullptr));
  if (ended_.size() > ended_kept) ended_.pop_front();
  world.chored(repository_.name(), run);
  world.kj.called_back();
}

Result<ChoreReport> Chores::report(ChoreRun& run) {
  if (run.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  AgentWorld& world = repository_.world();
  Repository* repository = TRY(repository_.repository());
  Watching watching(run);
  Pace pace(world);
  std::optional<double> waits_since;
  const auto wait = [&]() -> Result<bool> {
    const double now = world.clock.steady_seconds();
    if (!waits_since) waits_since = now;
    if (now - *waits_since > longest_wait) return false;
    run.phase = "waiting for backups and restores";
    sleep(world.kj, look_every);
    return true;
  };
  const auto breathe = [&]() -> Result<void> {
    pace.breathe();
    return {};
  };
  return do_chore({*repository, world.workers, watching, run.stop, world.clock, wait, breathe},
                  run.chore);
}

}  // namespace ebb
