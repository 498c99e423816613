// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/restore.h"

#include <algorithm>

namespace ebb {

namespace {

// Where a GPT keeps its backup: entries of 16 KiB and a header, in sectors of any size.
constexpr ByteCount backup_gpt_room = 24_KiB;

}  // namespace

// Opens records on workers and writes them to the target, a batch at a time.
class Restore::Writing final : public RecordVisitor {
 public:
  explicit Writing(Restore& restore) : restore_(restore) {
    const std::size_t most = limits::batch_size.size() / restore.grid_.block().bytes().size();
    for (unsigned i = 0; i < RecordWalk::batches_at_once; ++i) {
      auto state = std::make_unique<BatchState>();
      for (std::size_t n = 0; n < most; ++n) {
        state->writes.push_back(std::make_unique<Write>());
        state->writes.back()->writing = this;
        state->writes.back()->state = state.get();
      }
      free_.push_back(state.get());
      states_.push_back(std::move(state));
    }
  }
  // The kernel reads from the batches' memory until every write has settled.
  void settle() { under_way_.settle(restore_.world_.loop); }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

  Result<void> prepare(RecordBatch& batch) override {
    return restore_.world_.opener.prepare(batch);
  }
  void look_at(RecordBatch& batch, unsigned worker) override {
    restore_.world_.opener.open(batch, worker, restore_.grid_);
  }

  Result<void> arrived(RecordBatch& batch) override {
    TRY(trouble());
    if (!batch.damages.empty()) TRY(restore_.note_lost(std::move(batch.damages)));
    BatchState& state = *free_.back();
    free_.pop_back();
    state.batch = &batch;
    state.pending = 1;  // Held until all writes of the batch are started.
    std::size_t used = 0;
    for (std::size_t i = 0; i < batch.records.size();) {
      const Bytes opened = batch.opened[i];
      if (opened.empty()) {
        ++i;
        continue;
      }
      // Neighbours on the device that are neighbours in memory go in one write.
      ByteRun run = restore_.grid_.bytes_of(batch.records[i].block);
      std::size_t next = i + 1;
      while (next < batch.records.size() && !batch.opened[next].empty() &&
             batch.opened[next].data() == opened.data() + run.length().size() &&
             restore_.grid_.bytes_of(batch.records[next].block).begin == run.end) {
        run.end = restore_.grid_.bytes_of(batch.records[next].block).end;
        ++next;
      }
      start(state, *state.writes[used++], run, opened.data());
      i = next;
    }
    finish_one(state);
    return {};
  }

  Result<void> trouble() const { return under_way_.trouble(); }

 private:
  struct BatchState;
  struct Write : Transfer {
    Writing* writing = nullptr;
    BatchState* state = nullptr;
  };
  struct BatchState {
    RecordBatch* batch = nullptr;
    unsigned pending = 0;
    std::vector<std::unique_ptr<Write>> writes;
  };

  void start(BatchState& state, Write& write, ByteRun run, const std::byte* bytes) {
    // A smaller target ends somewhere in the last block.
    const ByteRun fitting = run.shared_with(restore_.world_.target.all());
    if (fitting.empty()) return;
    ++state.pending;
    under_way_.one_starts();
    restore_.report_.written += fitting.length();
    write.way = Way::write;
    write.at = fitting.begin;
    write.data = MutableBytes(const_cast<std::byte*>(bytes), fitting.length().size());
    write.settled = [](Transfer& transfer, Result<void> result) {
      auto& w = static_cast<Write&>(transfer);
      w.writing->under_way_.one_ended(
          during(std::move(result), "writing {} bytes at {}", w.data.size(), w.at.value()));
      w.writing->finish_one(*w.state);
    };
    restore_.world_.target.start(write);
  }
  void finish_one(BatchState& state) {
    if (--state.pending > 0) return;
    restore_.walk_->release(*state.batch);
    free_.push_back(&state);
  }

  Restore& restore_;
  std::vector<std::unique_ptr<BatchState>> states_;
  std::vector<BatchState*> free_;
  UnderWay under_way_;
};

Restore::Restore(World world, RestoreRequest request)
    : world_(world),
      request_(std::move(request)),
      grid_(request_.point.grid),
      blocks_(world.source, request_.point) {}

Restore::~Restore() {
  // First nothing arrives any more, then nothing is being written.
  if (walk_) walk_->settle();
  if (writing_) writing_->settle();
}

Result<RestoreReport> Restore::run() {
  TRY(begin());
  if (!request_.only_changes) {
    TRY(during(blank_late_areas(), "blanking what would make the target look whole"));
  }
  TRY(write_windows());
  TRY(during(write_late_areas(), "writing partition tables and boot sectors"));
  if (request_.moves_gpt) TRY(during(move_gpt(), "moving the backup partition table"));
  TRY(world_.journal.remove());
  join_neighbours(report_.damages);
  return std::move(report_);
}

Result<void> Restore::begin() {
  writing_ = std::make_unique<Writing>(*this);
  walk_ = std::make_unique<RecordWalk>(
      RecordWalk::World{world_.source, world_.loop, world_.workers, world_.arena, world_.stop},
      *writing_, grid_.block());
  compare_ = TRY(Compare::make(
      {world_.target, world_.loop, world_.workers, world_.arena, world_.id_key, world_.stop},
      grid_));
  zeroes_ = world_.arena.take(zero_room);
  late_ = late_blocks(request_.about, grid_);
  const RestoreJournal fresh{request_.id, request_.target_identity, BlockIndex(0)};
  const auto before = TRY(world_.journal.read());
  journal_ = fresh;
  // A salvage does not remember what it left out, so it begins anew. In place, what was written
  // before was compared and is not among what is to be written.
  if (before && !request_.salvage && !request_.in_place && before->point == fresh.point &&
      before->target == fresh.target && before->written_to <= grid_.all().end) {
    journal_ = *before;
    report_.resumed = true;
    world_.observer.note(
        fmt::format("going on with a restore that was stopped after {} bytes",
                    grid_.bytes_of(BlockRun{BlockIndex(0), journal_.written_to}).length().value()));
  }
  return world_.journal.write(journal_);
}

bool Restore::wanted(BlockIndex block) const {
  return !request_.in_place || request_.in_place->dirty(block);
}

bool Restore::any_wanted(BlockRun run) const {
  if (!request_.in_place) return true;
  const auto next = request_.in_place->next_dirty(run.begin, BlockCount(1));
  return next && next->begin < run.end;
}

bool Restore::is_late(BlockIndex block) const {
  const auto after = std::ranges::upper_bound(late_, block, {}, &BlockRun::begin);
  return after != late_.begin() && std::prev(after)->contains(block);
}

// Whether the whole block lies on the target.
bool Restore::fits(BlockIndex block) const {
  return world_.target.all().contains(grid_.bytes_of(block));
}

BlockRun Restore::window_at(BlockIndex at) const {
  return {at, std::min(at + blocks_.window_size(), grid_.all().end)};
}

void Restore::tell(std::string_view phase, BlockIndex at) {
  world_.observer.progress(
      {phase, grid_.bytes_of(BlockRun{BlockIndex(0), at}).length(), grid_.size(), {}});
}

Result<void> Restore::note_lost(std::vector<Damage> damages) {
  if (!request_.salvage) {
    const Damage& first = damages.front();
    return fail(
        Error::damaged("block {}: {}; the target is not whole. `ebb scrub --repair` may "
                       "mend the repository, --salvage goes on without such blocks",
                       first.blocks.begin.value(), first.what));
  }
  for (Damage& damage : damages) {
    for (BlockIndex at = damage.blocks.begin; at < damage.blocks.end; at += BlockCount(1)) {
      lost_.insert(at);
      // On a fresh target what was there before must not pass for data; in place it may be the
      // data.
      if (!request_.in_place) TRY(write_zeroes(grid_.bytes_of(at)));
    }
    report_.damages.push_back(std::move(damage));
  }
  return {};
}

Result<void> Restore::blank_late_areas() {
  for (const BlockRun& run : late_) TRY(write_zeroes(grid_.bytes_of(run)));
  if (request_.moves_gpt || TRY(has_old_backup_gpt())) {
    const ByteIndex end(world_.target.shape().size.value());
    TRY(write_zeroes({end - backup_gpt_room, end}));
  }
  return sync_and_wait(world_.loop, world_.target);
}

// A table of before, whose second copy lies at the end of a target of another size.
Result<bool> Restore::has_old_backup_gpt() {
  const ByteCount size = world_.target.shape().size;
  if (size == grid_.size() || size <= backup_gpt_room) return false;
  ByteVector last(limits::max_sector_size.size());
  const ByteIndex at = ByteIndex(size.value()) - limits::max_sector_size;
  TRY(read_and_wait(world_.loop, world_.target, at, last));
  constexpr std::string_view signature = "EFI PART";
  const auto begins_with = [&](Bytes sector) {
    return text_of(sector.first(signature.size())) == signature;
  };
  return begins_with(last) || begins_with(Bytes(last).last(limits::min_sector_size.size()));
}

Result<void> Restore::write_zeroes(ByteRun run) {
  if (request_.target_is_empty) return {};
  const ByteRun fitting = run.shared_with(world_.target.all());
  report_.zeroed += fitting.length();
  ByteIndex at = fitting.begin;
  while (device_writes_zeroes_ && at < fitting.end) {
    const ByteIndex stop = std::min(fitting.end, at + 1_GiB);
    auto zeroed = zero_and_wait(world_.loop, world_.target, {at, stop});
    if (!zeroed && zeroed.error().kind() == ErrorKind::invalid) {
      device_writes_zeroes_ = false;  // Then by hand.
      break;
    }
    TRY(during(std::move(zeroed), "writing zeroes at {}", at.value()));
    at = stop;
  }
  while (at < fitting.end) {
    const ByteIndex stop = std::min(fitting.end, at + zero_room);
    TRY(during(
        write_and_wait(world_.loop, world_.target, at, Bytes(zeroes_).first((stop - at).size())),
        "writing zeroes at {}", at.value()));
    at = stop;
  }
  return {};
}

// While a window is written, the one before it is compared: the target is busy both ways.
Result<void> Restore::write_windows() {
  const auto early = [&](BlockIndex block) { return !is_late(block) && wanted(block); };
  for (BlockIndex at; at < grid_.all().end;) {
    const BlockRun run = window_at(at);
    at = run.end;
    if (run.end <= journal_.written_to) {
      TRY(compare_again(run, early));
    } else if (any_wanted(run)) {
      TRY(write_and_compare(run, early));
      journal_.written_to = at;
      TRY(sync_if(request_.synced_every));
    }
    tell("writing", at);
  }
  TRY(sync_if(ByteCount(1)));
  return finish_compare();
}

// The journal follows what is on disk, and never goes before it.
Result<void> Restore::sync_if(ByteCount at_least) {
  const ByteCount so_far = report_.written + report_.zeroed;
  if (so_far - synced_ < at_least) return {};
  TRY(sync_and_wait(world_.loop, world_.target));
  synced_ = so_far;
  return world_.journal.write(journal_);
}

// What was on disk before this restore went on: something may have written to it since.
Result<void> Restore::compare_again(BlockRun run, const std::function<bool(BlockIndex)>& wanted) {
  std::vector<Damage> met_before;
  auto expected = TRY(blocks_.prints(run, met_before));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!wanted(run.begin + BlockCount(i))) expected[i].reset();
  }
  TRY(finish_compare());
  start_compare(run, std::move(expected));
  return {};
}

// A run of zeroes is not looked at block by block.
Result<BlockWindow> Restore::window(BlockRun run, const std::function<bool(BlockIndex)>& wanted) {
  const auto touched = [&](const BlockRun& late) { return late.touches(run); };
  if (request_.in_place || std::ranges::any_of(late_, touched) || !TRY(blocks_.is_zero(run))) {
    return blocks_.window(run, wanted);
  }
  return BlockWindow{run, {}, {run}, {}, Compare::Expected(run.length().size(), Fingerprint{})};
}

// Written when it returns, and being compared.
Result<void> Restore::write_and_compare(BlockRun run,
                                        const std::function<bool(BlockIndex)>& wanted) {
  BlockWindow window = TRY(this->window(run, wanted));
  if (!window.damages.empty()) TRY(note_lost(std::move(window.damages)));
  for (const BlockRun& zeroes : window.zeroes) TRY(write_zeroes(grid_.bytes_of(zeroes)));
  TRY(walk_->run(window.wanted));
  TRY(writing_->trouble());
  TRY(finish_compare());
  start_compare(run, std::move(window.prints));
  return {};
}

void Restore::start_compare(BlockRun run, Compare::Expected expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const BlockIndex block = run.begin + BlockCount(i);
    if (!fits(block) || lost_.contains(block)) expected[i].reset();
    if (expected[i]) report_.compared += grid_.bytes_of(block).length();
  }
  compare_->start(run, std::move(expected));
  comparing_ = run;
}

// What differs was written wrong or not at all.
Result<void> Restore::finish_compare() {
  if (!comparing_) return {};
  const BlockRun run = *std::exchange(comparing_, std::nullopt);
  const auto differs = TRY(compare_->finish());
  const auto wrong = std::ranges::find(differs, std::uint8_t{1});
  if (wrong == differs.end()) return {};
  const BlockIndex block =
      run.begin + BlockCount(static_cast<std::uint64_t>(wrong - differs.begin()));
  // What the journal says is on disk is not: the next try starts over.
  TRY(world_.journal.remove());
  return fail(Error::damaged(
      "the target does not hold what was written to it: block {} (byte {}) reads back "
      "differently; is the device failing, or is something else writing to it?",
      block.value(), grid_.bytes_of(block).begin.value()));
}

Result<void> Restore::write_late_areas() {
  const auto all_wanted = [&](BlockIndex block) { return wanted(block); };
  for (const BlockRun& run : late_) {
    for (BlockIndex at = run.begin; at < run.end;) {
      const BlockRun part{at, std::min(run.end, at + blocks_.window_size())};
      TRY(write_and_compare(part, all_wanted));
      at = part.end;
    }
  }
  TRY(sync_and_wait(world_.loop, world_.target));
  return finish_compare();
}

namespace {

// The target, as something to read a partition table from.
class TargetBytes final : public ByteSource {
 public:
  TargetBytes(BlockDevice& device, Loop& loop, ByteCount size)
      : device_(device), loop_(loop), size_(size) {}
  ByteCount size() const override { return size_; }
  Result<void> read(ByteIndex at, MutableBytes room) override {
    const ByteRun run = ByteRun::of(at, ByteCount(room.size()));
    const ByteRun there = run.shared_with(device_.all());
    std::ranges::fill(room, std::byte{0});  // A smaller target has no end to read.
    if (there.empty() || there.begin != run.begin) return {};
    return read_and_wait(loop_, device_, at, room.first(there.length().size()));
  }

 private:
  BlockDevice& device_;
  Loop& loop_;
  ByteCount size_;
};

}  // namespace

// The target holds the point's bytes now; its table's second copy goes to where this disk ends.
Result<void> Restore::move_gpt() {
  TargetBytes bytes(world_.target, world_.loop, grid_.size());
  const auto patches = TRY(move_backup_gpt(bytes, request_.about.passport.shape.logical_sector,
                                           grid_.size(), world_.target.shape().size));
  // From the end to the start: until the primary header is written, it names the old backup.
  for (auto patch = patches.rbegin(); patch != patches.rend(); ++patch) {
    TRY(write_and_wait(world_.loop, world_.target, patch->at, patch->bytes));
  }
  TRY(sync_and_wait(world_.loop, world_.target));
  for (const Patch& patch : patches) {
    ByteVector now(patch.bytes.size());
    TRY(read_and_wait(world_.loop, world_.target, patch.at, now));
    if (!same_bytes(now, patch.bytes)) {
      return fail(
          Error::damaged("the target does not hold the table written at {}", patch.at.value()));
    }
  }
  return {};
}

}  // namespace ebb
