// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/backup.h"

#include <algorithm>

namespace ebb {

namespace {

// A device that cannot give more than this is beyond backing up by ordinary reads.
constexpr ByteCount max_unreadable = 256_MiB;

// A run that reads this much uses all of its memory, many times over.
constexpr ByteCount much_to_read = 1_GiB;

using State = BackupBatch::State;

}  // namespace

struct Backup::WorkerState {
  std::unique_ptr<Fingerprinter> fingerprinter;
  std::vector<Compressor> compressors;  // Of each compression that came.

  Compressor& compressor_for(const Compression& compression) {
    const auto found = std::ranges::find(compressors, compression, &Compressor::compression);
    return found != compressors.end() ? *found : compressors.emplace_back(compression);
  }
};

// A place in the window: a batch, and what carries it to the kernel, the workers and the sink.
struct Backup::Slot : BackupBatch {
  Backup* backup = nullptr;
  BatchRead reading;
  struct Task : Job {
    Slot* slot = nullptr;
    Work function = nullptr;
    State then = State::free;
    Result<void> result;
  } task;
  struct Query : KnownQuery {
    Slot* slot = nullptr;
  } query;
};

Backup::Backup(World world, BackupRequest request)
    : world_(world),
      request_(std::move(request)),
      grid_(world.device.shape().size, BlockSize::standard()),
      pace_(request_.compression, request_.adapts_compression),
      plan_(ReadPlan::everything(grid_)) {}

// The kernel and the workers hold pointers into the slots until all have called back.
Backup::~Backup() {
  under_way_.settle(world_.loop);
}

Result<BackupReport> Backup::run() {
  TRY(begin());
  for (;; start_over()) {
    TRY(read_planned());
    if (again_) continue;
    const auto root = map_->finish();
    if (root) return commit(*root);
    TRY(from_map(fail(root.error())));
  }
}

Result<void> Backup::read_planned() {
  while (more_to_read() || retired_ < started_) {
    TRY(start_reads());
    TRY(wait_for_one());
    TRY(fingerprint_arrived());
    TRY(look_up_fingerprinted());
    TRY(compress_unknown());
    TRY(seal_in_order());
    TRY(ship_in_order());
    tell_progress();
  }
  return {};
}

Result<void> Backup::begin() {
  began_ = world_.clock.steady_seconds();
  if (world_.device.shape().size.none()) return fail(Error::invalid("the device has no bytes"));
  if (world_.device.shape().size > limits::max_device_size) {
    return fail(Error::invalid("the device has {} bytes; ebb can back up {} at most",
                               world_.device.shape().size.value(),
                               limits::max_device_size.value()));
  }
  start_ = TRY(make_key());
  base_ = std::make_unique<BackupBase>(
      TRY(world_.sink.begin(start_)),
      BackupBase::Wishes{world_.device.shape().size, request_.passport, request_.block_size,
                         request_.remembered},
      world_.key, world_.members, world_.sink.pages(), world_.observer);
  grid_ = base_->grid();
  TRY(make_plan());
  make_window();
  // A run that reads little should not have the kernel clear what it does not use.
  if (plan_.planned() >= much_to_read) world_.arena.use_huge_pages();
  start_over();
  return {};
}

// The source's answer counts only if everything about the base does.
Result<void> Backup::make_plan() {
  plan_ = ReadPlan::everything(grid_);
  if (request_.free_blocks) {
    free_ = TRY(during(request_.free_blocks(grid_), "asking what is free"));
  }
  if (request_.changes == nullptr) return {};
  const Result<BasePoint> base = base_->comparable();
  auto answer = TRY(during(request_.changes->ask(base ? &*base : nullptr, grid_),
                           "asking {} what changed", name_of(request_.changes->kind())));
  token_ = std::move(answer.token);
  said_ = base ? std::move(answer.why) : base.error().text();
  if (!base || !answer.changed) {
    if (request_.insists_on_source) return fail(Error::mismatch("{}", said_));
    return {};
  }
  for (const ByteRun& run : base_->unreadable()) answer.changed->mark_touching(run);
  plan_ = ReadPlan::of(std::move(*answer.changed), free_ ? &*free_ : nullptr, request_.audit,
                       base_->proof().slice_end, world_.random);
  return {};
}

// From the first block; nothing is under way. What was shipped already is not shipped again.
void Backup::start_over() {
  if (again_) {
    world_.observer.note(*again_);
    said_ = *again_;
    plan_ = ReadPlan::everything(grid_);
    again_.reset();
  }
  map_ = std::make_unique<MapAssembly>(world_.sink, base_->pages(), base_->map(), grid_.count());
  skipped_.emplace(grid_, request_.holes, free_ ? &*free_ : nullptr);
  skip_.reset();
  not_comparable_ = 0;
  next_block_ = BlockIndex(0);
  unreadable_.clear();
  counts_.changed = BlockCount();
  // Blocks that are not read are as they were.
  counts_.zero = BlockCount(plan_.is_everything() ? 0 : base_->zero_blocks());
  left_out_ = plan_.is_everything() ? BlockCount() : base_->left_out();
}

// A key for this run only, wrapped to those who may open it and then known to nobody.
Result<RunStart> Backup::make_key() {
  DataKey data_key;
  world_.random.fill(data_key.room());
  RunStart start;
  start.repository = world_.key.repository;
  start.volume = volume_id_of(world_.key.id_key, request_.volume_name);
  start.data_key = world_.random.name<DataKeyId>();
  for (const HpkePublicKey& recipient : world_.members.recipients) {
    start.envelopes.push_back(
        TRY(wrap_data_key(data_key, start.data_key, recipient, start.repository, world_.random)));
  }
  const CryptoBackend backend = TRY(chosen_backend());
  cipher_ = make_record_cipher(backend, data_key);
  for (unsigned i = 0; i < world_.workers.count(); ++i) {
    worker_states_.push_back(std::make_unique<WorkerState>(
        WorkerState{make_fingerprinter(backend, world_.key.id_key), {}}));
  }
  return start;
}

// What is read into lies together, apart from what only blocks that are compressed need. Memory
// that is touched has to be cleared first, so a run that reads little has few slots.
void Backup::make_window() {
  const std::size_t blocks_in_batch = limits::batch_size.size() / grid_.block().bytes().size();
  const std::uint64_t batches = plan_.planned().value() / limits::batch_size.value();
  const auto slots = std::clamp<std::uint64_t>(batches / 4, fewest_slots, most_slots);
  for (unsigned i = 0; i < slots; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->backup = this;
    slot->plain = world_.arena.take(limits::batch_size);
    slot->block.reserve(blocks_in_batch);
    slot->views.reserve(blocks_in_batch);
    slot->printed.resize(blocks_in_batch);
    slot->task.slot = slot->query.slot = slot.get();
    slots_.push_back(std::move(slot));
  }
  for (const auto& slot : slots_) slot->scratch = world_.arena.take(limits::batch_size);
}

bool Backup::more_to_read() {
  return !again_ && plan_.next(next_block_, BlockCount(1)).has_value();
}

// The next run of blocks: to be read, up to `most` and to what is skipped; or skipped. It ends at a
// multiple of `within`, so that what is read in order is read in large pieces.
BlockRun Backup::next_run(bool skipped, BlockCount most, std::uint64_t within) {
  const std::uint64_t stop = round_down(next_block_.value(), within) + within;
  BlockRun run = *plan_.next(next_block_, std::min(most, BlockCount(stop - next_block_.value())));
  if (skip_) run.end = std::min(run.end, skipped ? skip_->end : std::max(skip_->begin, run.begin));
  next_block_ = run.end;
  return run;
}

// Keeps skip_ at what is skipped after next_block_; says whether that is.
Result<bool> Backup::is_skipped() {
  if (!skip_ || skip_->end <= next_block_) skip_ = TRY(skipped_->next(next_block_));
  return skip_ && skip_->contains(next_block_);
}

Result<void> Backup::start_reads() {
  while (started_ - retired_ < slots_.size() && more_to_read() && !under_way_.in_trouble()) {
    Slot& slot = slot_of(started_);
    slot.sequence = started_++;
    slot.runs.clear();
    slot.block.clear();
    slot.claimed = false;
    slot.entries.clear();
    slot.is_skipped = TRY(comes_to_skipped());
    if (slot.is_skipped) {
      slot.runs.push_back(next_run(true, BlockCount(blocks_in_segment), blocks_in_segment));
      slot.state = State::compressed;
    } else {
      TRY(gather(slot));
      read(slot);
    }
  }
  return {};
}

// Moves to the next block of the plan; says whether it is one that is skipped.
Result<bool> Backup::comes_to_skipped() {
  next_block_ = plan_.next(next_block_, BlockCount(1))->begin;
  return is_skipped();
}

// A batch of blocks that are to be read, from as many places as it takes, up to what is skipped.
Result<void> Backup::gather(Slot& slot) {
  const std::uint64_t room = limits::batch_size.value() >> grid_.block().shift();
  do {
    const BlockRun run = next_run(false, BlockCount(room - slot.count()), room);
    slot.runs.push_back(run);
    counts_.read += grid_.bytes_of(run).length();
    for (BlockIndex at = run.begin; at < run.end; at += BlockCount(1)) {
      slot.block.push_back({});
      slot.block.back().at = at;
      slot.block.back().base = TRY(base_->at(at));
    }
  } while (slot.count() < room && slot.runs.size() < BatchRead::max_runs && more_to_read() &&
           !TRY(comes_to_skipped()));
  return {};
}

void Backup::read(Slot& slot) {
  slot.state = State::under_way;
  under_way_.one_starts();
  slot.reading.start(
      world_.device, grid_, slot.runs, slot.plain,
      [](BatchRead& reading, Result<void> result) {
        Slot& s = *static_cast<Slot*>(reading.owner());
        auto& all = s.backup->unreadable_;
        all.insert(all.end(), reading.unreadable().begin(), reading.unreadable().end());
        s.backup->arrived(s, State::read, std::move(result));
      },
      &slot);
}

// The callbacks of everything that was under way end here.
void Backup::arrived(Slot& slot, State next, Result<void> result) {
  slot.state = next;
  under_way_.one_ended(std::move(result));
}

Result<void> Backup::wait_for_one() {
  // With nothing of ours under way, only a full sink is worth waiting for.
  if (under_way_.any() || sink_is_full_) {
    const double began = pace_.adapts() ? world_.clock.steady_seconds() : 0;
    const auto waits = waits_for();
    TRY(world_.loop.run_once());
    if (pace_.adapts()) pace_.waited(waits, world_.clock.steady_seconds() - began);
  }
  sink_is_full_ = false;
  TRY(world_.sink.health());
  TRY(under_way_.trouble());
  if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  ByteCount lost;
  for (const ByteRun& run : unreadable_) lost += run.length();
  if (lost > max_unreadable) {
    return fail(
        Error::lost("more than {} bytes of the device cannot be read; copy it with "
                    "ddrescue and back up the copy",
                    max_unreadable.value()));
  }
  return {};
}

CompressionPace::WaitsFor Backup::waits_for() const {
  using WaitsFor = CompressionPace::WaitsFor;
  if (sink_is_full_) return WaitsFor::sink;
  return jobs_ > world_.workers.count() ? WaitsFor::workers : WaitsFor::device;
}

void Backup::submit(Slot& slot, Work work, State then) {
  slot.state = State::under_way;
  under_way_.one_starts();
  ++jobs_;
  slot.task.function = work;
  slot.task.then = then;
  slot.task.stage = then == State::sealed ? 2 : then == State::compressed ? 1 : 0;
  slot.task.work = [](Job& job, unsigned worker) {
    auto& task = static_cast<Slot::Task&>(job);
    task.result = task.function(*task.slot, *task.slot->backup->worker_states_[worker]);
  };
  slot.task.done = [](Job& job) {
    auto& task = static_cast<Slot::Task&>(job);
    Slot& s = *task.slot;
    --s.backup->jobs_;
    // Given back at once: a later batch's page may be waiting for the buffer that this room is in.
    if (task.then == State::sealed && task.result) s.backup->world_.sink.filled(s.room, s.entries);
    s.backup->arrived(s, task.then, std::move(task.result));
  };
  world_.workers.submit(slot.task);
}

Result<void> Backup::fingerprint_arrived() {
  for (std::uint64_t s = retired_; s < started_; ++s) {
    Slot& slot = slot_of(s);
    if (slot.state != State::read) continue;
    const Work work = [](Slot& batch, WorkerState& worker) -> Result<void> {
      fingerprint(batch, batch.backup->grid_, *worker.fingerprinter);
      return {};
    };
    submit(slot, work, State::fingerprinted);
  }
  return {};
}

// Asks the repository only for what the base point does not have at the same place.
Result<void> Backup::look_up_fingerprinted() {
  for (std::uint64_t s = retired_; s < started_; ++s) {
    Slot& slot = slot_of(s);
    if (slot.state != State::fingerprinted) continue;
    slot.asked.clear();
    slot.asked_of.clear();
    for (std::size_t i = 0; i < slot.count(); ++i) {
      const BackupBatch::BlockState& block = slot.block[i];
      if (block.print.is_zero()) continue;
      if (base_->has_all_it_names() && block.print == block.base) continue;
      slot.asked.push_back(block.print);
      slot.asked_of.push_back(i);
    }
    if (slot.asked.empty()) {
      slot.state = State::compressed;
      continue;
    }
    slot.known.assign(slot.asked.size(), 0);
    slot.query.names = slot.asked;
    slot.query.known = slot.known;
    slot.query.answered = [](KnownQuery& query, Result<void> result) {
      Slot& owner = *static_cast<Slot::Query&>(query).slot;
      owner.backup->arrived(owner, State::looked_up, std::move(result));
    };
    slot.state = State::under_way;
    under_way_.one_starts();
    world_.sink.look_up(slot.query);
  }
  return under_way_.trouble();
}

Result<void> Backup::compress_unknown() {
  for (std::uint64_t s = retired_; s < started_; ++s) {
    Slot& slot = slot_of(s);
    if (slot.state != State::looked_up) continue;
    bool any = false;
    for (std::size_t q = 0; q < slot.asked.size(); ++q) {
      slot.block[slot.asked_of[q]].ship = slot.known[q] == 0;
      any = any || slot.known[q] == 0;
    }
    if (!any) {
      slot.state = State::compressed;
      continue;
    }
    slot.packing = pace_.now();
    pace_.given(grid_.block().bytes() * slot.count());
    const Work work = [](Slot& batch, WorkerState& worker) -> Result<void> {
      compress(batch, batch.backup->grid_, worker.compressor_for(batch.packing));
      return {};
    };
    submit(slot, work, State::compressed);
  }
  return {};
}

// Takes room for the records of each batch, in order, and has them sealed into it.
Result<void> Backup::seal_in_order() {
  for (; reserved_ < started_; ++reserved_) {
    Slot& slot = slot_of(reserved_);
    if (slot.state != State::compressed) return {};
    if (slot.is_skipped) {
      slot.state = State::sealed;
      continue;
    }
    // Only here, in the order of the device, is it decided who ships a block that occurs twice.
    for (std::size_t i = 0; i < slot.count() && !slot.claimed; ++i) {
      BackupBatch::BlockState& block = slot.block[i];
      if (block.ship) block.ship = world_.sink.claim(block.print);
    }
    slot.claimed = true;
    const RecordsNeeded needed = records_needed(slot, grid_);
    if (needed.records == 0) {
      slot.state = State::sealed;
      continue;
    }
    auto room = TRY(world_.sink.reserve(needed.bytes, needed.records));
    sink_is_full_ = !room.has_value();
    if (sink_is_full_) return {};
    slot.room = *room;
    counts_.shipped += BlockCount(needed.records);
    const Work work = [](Slot& batch, WorkerState&) -> Result<void> {
      const Backup& b = *batch.backup;
      return seal(batch, b.grid_, {*b.cipher_, b.start_.repository});
    };
    submit(slot, work, State::sealed);
  }
  return {};
}

// Hands the fingerprints of batches that are with the sink to the map, and frees their slots.
Result<void> Backup::ship_in_order() {
  for (; retired_ < reserved_; ++retired_) {
    Slot& slot = slot_of(retired_);
    if (slot.state != State::sealed) return {};
    if (slot.is_skipped) {
      TRY(ship_zeroes(slot.runs.front()));
      slot.state = State::free;
      continue;
    }
    for (std::size_t i = 0; i < slot.count(); ++i) {
      const BackupBatch::BlockState& block = slot.block[i];
      slot.printed[i] = block.print;
      TRY(count(block.at, block.print, block.base));
    }
    std::span<const Fingerprint> prints(slot.printed);
    for (const BlockRun& run : slot.runs) {
      TRY(from_map(map_->put(run.begin, prints.first(run.length().size()))));
      prints = prints.subspan(run.length().size());
    }
    slot.state = State::free;
  }
  return {};
}

Result<void> Backup::ship_zeroes(BlockRun blocks) {
  if (free_) left_out_ += free_->dirty_count(blocks);
  if (base_->is_zero(blocks)) {
    if (plan_.is_everything()) counts_.zero += blocks.length();
  } else {
    for (BlockIndex at = blocks.begin; at < blocks.end; at += BlockCount(1)) {
      TRY(count(at, Fingerprint{}, TRY(base_->at(at))));
    }
  }
  return from_map(map_->put_zero(blocks));
}

// And looks whether a block that was called clean is what it was.
Result<void> Backup::count(BlockIndex block, const Fingerprint& print, const Fingerprint& base) {
  const bool covered = base_->covers(block);
  if (print.is_zero()) counts_.zero += BlockCount(1);
  // Its zero blocks were counted from the start. The base's number is believed no further than
  // that.
  if (!plan_.is_everything() && covered && base.is_zero() && !counts_.zero.none()) {
    counts_.zero -= BlockCount(1);
  }
  if (covered && print == base) return {};
  counts_.changed += BlockCount(1);
  if (again_ || !plan_.is_audited(block)) return {};
  if (base.is_zero() && !base_->left_out().none()) {  // It may never have been read.
    ++not_comparable_;
    return {};
  }
  if (base_->is_damaged()) {
    again_ = "the last point's map is damaged, so everything is read";
    return {};
  }
  const ByteRun bytes = grid_.bytes_of(block);
  if (TRY(request_.changes->may_have_changed_meanwhile(bytes))) return {};
  lied_ = true;
  token_.reset();
  again_ = fmt::format(
      "{} called bytes {} to {} unchanged, but they differ from the last point: everything is "
      "read, so the new point is right; {} is not believed any more for this volume",
      name_of(request_.changes->kind()), bytes.begin.value(), bytes.end.value(),
      name_of(request_.changes->kind()));
  return {};
}

// What was left out has to be read from the base's map; where that is damaged, everything is read.
Result<void> Backup::from_map(Result<void> result) {
  if (result || plan_.is_everything()) return result;
  const ErrorKind kind = result.error().kind();
  if (kind != ErrorKind::damaged && kind != ErrorKind::absent) return result;
  if (!again_) {
    again_ = fmt::format("the last point's map is damaged ({}), so everything is read",
                         result.error().text());
  }
  return {};
}

void Backup::tell_progress() {
  world_.observer.progress({"reading",
                            retired_ == started_ && !more_to_read()
                                ? grid_.size()
                                : grid_.bytes_of(BlockRun{BlockIndex(0), next_block_}).length(),
                            grid_.size(), world_.sink.stored()});
}

Result<BackupReport> Backup::commit(const MapRoot& root) {
  TRY(world_.sink.flush());
  counts_.stored = world_.sink.stored();

  Point point;
  point.repository = start_.repository;
  point.volume = start_.volume;
  point.data_key = start_.data_key;
  point.sequence = base_->next_sequence();
  point.predecessor = base_->predecessor();
  point.created = world_.clock.wall();
  point.grid = grid_;
  point.map = root.page;
  point.members_epoch = world_.members.epoch;
  point.found_by = plan_.is_everything() ? SourceKind::scan : request_.changes->kind();
  point.counts = counts_;
  unreadable_ = unreadable_in_bounds();
  Audit audit = plan_.audit();
  audit.sampled -= std::min(audit.sampled, not_comparable_);
  left_out_ = std::min(left_out_, counts_.zero);
  point.about = seal_about({request_.volume_name,
                            request_.passport,
                            unreadable_,
                            left_out_,
                            {token_, audit.clean, audit.sampled, plan_.slice_end()}},
                           point, world_.key.id_key, world_.random);
  SignedPoint signed_point = sign_point(std::move(point), world_.key.signing_seed);
  if (request_.before_commit) TRY(request_.before_commit(signed_point));
  TRY(world_.sink.commit(signed_point));
  if (request_.changes != nullptr) {
    // The point is there; the source keeps more than it must.
    if (const auto told = request_.changes->committed(); !told) {
      world_.observer.note(told.error().text());
    }
  }

  BackupReport report;
  report.first_of_volume = base_->is_first_of_volume();
  report.point = std::move(signed_point);
  report.volume_name = request_.volume_name;
  report.blocks_total = grid_.count();
  report.counts = counts_;
  report.left_out = left_out_;
  report.unreadable = unreadable_;
  report.source_said = said_;
  report.audit = audit;
  report.source_lied = lied_;
  report.compressed_with = pace_.now();
  report.seconds = world_.clock.steady_seconds() - began_;
  return report;
}

// Sorted, and few enough to be kept: neighbours are joined until they are, so that what is named
// always covers what was lost.
std::vector<ByteRun> Backup::unreadable_in_bounds() {
  std::vector<ByteRun> runs = unreadable_;
  std::ranges::sort(runs, {}, &ByteRun::begin);
  while (runs.size() > limits::max_unreadable_runs) {
    std::vector<ByteRun> coarser;
    for (std::size_t i = 0; i < runs.size(); i += 2) {
      coarser.push_back({runs[i].begin, runs[std::min(i + 1, runs.size() - 1)].end});
    }
    runs = std::move(coarser);
  }
  return runs;
}

}  // namespace ebb
