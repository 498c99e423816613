// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/flow_measure.h"

namespace ebb {

namespace {

// The cheapest that argon2id allows: nobody guesses 32 random bytes, and nobody needs them again.
constexpr PassphraseCost cheap{64, 1, 1};

// Adds the time up to each progress to the phase that reports it, and passes everything on.
class PhaseWatch final : public Observer {
 public:
  PhaseWatch(const Clock& clock, Observer& inner)
      : clock_(clock), inner_(inner), last_(clock.steady_seconds()) {}
  void progress(const Progress& progress) override {
    if (phases_.empty() || phases_.back().phase != progress.phase) {
      phases_.push_back({std::string(progress.phase), 0});
    }
    count();
    inner_.progress(progress);
  }
  void note(std::string_view sentence) override { inner_.note(sentence); }
  // What was done after the last progress is the last phase's.
  std::vector<PhaseTime> end() {
    if (!phases_.empty()) count();
    return std::move(phases_);
  }

 private:
  void count() {
    const double now = clock_.steady_seconds();
    phases_.back().seconds += now - std::exchange(last_, now);
  }
  const Clock& clock_;
  Observer& inner_;
  double last_;
  std::vector<PhaseTime> phases_;
};

// A restore writes its journal beside the target; here it goes with the run.
class JournalInMemory final : public JournalKeeper {
 public:
  Result<std::optional<RestoreJournal>> read() override { return kept_; }
  Result<void> write(const RestoreJournal& journal) override {
    kept_ = journal;
    return {};
  }
  Result<void> remove() override {
    kept_.reset();
    return {};
  }

 private:
  std::optional<RestoreJournal> kept_;
};

}  // namespace

Result<std::unique_ptr<FlowMeasure>> FlowMeasure::make(World world) {
  std::unique_ptr<FlowMeasure> measure(new FlowMeasure(world));
  SecretBuffer passphrase(32);
  world.random.fill(passphrase.room());
  NewRepository made =
      TRY(Repository::create(world.files, world.ring, world.random, world.clock.wall(),
                             passphrase.reveal(), "bench", cheap));
  measure->key_ = std::move(made.source);
  measure->repository_ =
      TRY(Repository::open(world.files, world.ring, world.random, StoreAccess::write));
  measure->source_ = std::make_unique<LocalSource>(*measure->repository_);
  measure->keys_ = TRY(measure->repository_->keys().unlock(passphrase.reveal()));
  return measure;
}

Result<FlowFigure> FlowMeasure::backup(BlockDevice& device, BackupRequest request) {
  const Stopwatch watch(world_.clock);
  PhaseWatch phases(world_.clock, world_.observer);
  const Members members = TRY(repository_->keys().members(key_.authority, &key_.id_key));
  request.volume_name = "bench";
  LocalAccess access(*repository_);
  last_ = TRY(run_backup(run(phases), access, device, key_, members, world_.clock, world_.random,
                         std::move(request)));
  FlowFigure result;
  result.phases = phases.end();
  watch.stop(result.figure);
  if (!last_->unreadable.empty()) {
    return fail(Error::damaged("the device has sectors that cannot be read"));
  }
  result.counts = last_->counts;
  result.figure.bytes = last_->counts.read;
  result.figure.operations = last_->blocks_total.value();
  result.volume = last_->point.point.grid.size();
  result.stored = last_->counts.stored;
  return result;
}

Result<std::unique_ptr<RecordOpener>> FlowMeasure::opener() {
  EBB_CHECK(last_.has_value(), "there is nothing to look at before a backup");
  return RecordOpener::make(
      *source_, keys_.keyring.id_key,
      [this](const DataKeyId& id) { return repository_->keys().data_key(id, keys_.keyring); },
      world_.workers.count());
}

Result<FlowFigure> FlowMeasure::verify() {
  const Stopwatch watch(world_.clock);
  PhaseWatch phases(world_.clock, world_.observer);
  const auto opening = TRY(opener());
  const Point& point = last_->point.point;
  const VerifyReport report = TRY(
      run_verify(run(phases), *source_, point, RecordCheck::opened, opening.get(), all_blocks()));
  FlowFigure result;
  result.phases = phases.end();
  watch.stop(result.figure);
  if (!report.damages.empty()) {
    return fail(Error::mismatch("what was backed up a moment ago is damaged: {}",
                                report.damages.front().what));
  }
  result.figure.operations = report.checked.value();
  result.figure.bytes = point.grid.block().bytes() * report.checked.value();
  result.volume = point.grid.size();
  result.stored = report.read;
  result.counts = last_->counts;
  return result;
}

Result<FlowFigure> FlowMeasure::restore(BlockDevice& target) {
  const Stopwatch watch(world_.clock);
  PhaseWatch phases(world_.clock, world_.observer);
  const auto opening = TRY(opener());
  const Point& point = last_->point.point;
  const VerifyReport proof = TRY(
      run_verify(run(phases), *source_, point, RecordCheck::sound, opening.get(), all_blocks()));
  if (!proof.damages.empty()) {
    return fail(Error::mismatch("what was backed up a moment ago is damaged: {}",
                                proof.damages.front().what));
  }
  JournalInMemory journal;
  RestoreRequest request;
  request.point = point;
  request.id = last_->point.id;
  request.about = TRY(open_about(point, keys_.keyring.id_key));
  request.target_is_empty = true;
  const RestoreReport report = TRY(run_restore(run(phases), *source_, *opening, target, journal,
                                               keys_.keyring.id_key, std::move(request)));
  FlowFigure result;
  result.phases = phases.end();
  watch.stop(result.figure);
  result.figure.operations = proof.checked.value();
  result.figure.bytes = report.written;
  result.volume = point.grid.size();
  result.stored = proof.read;
  result.counts = last_->counts;
  return result;
}

}  // namespace ebb
