// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/compare.h"

#include <algorithm>

#include "engine/stage/zero.h"

namespace ebb {

struct Compare::Slot {
  Compare* compare = nullptr;
  BlockRun blocks;
  ByteRun bytes;
  MutableBytes room;
  std::vector<Bytes> views;
  std::vector<std::size_t> of;
  std::vector<Fingerprint> prints;
  struct Read : Transfer {
    Slot* slot = nullptr;
  } read;
  struct Work : Job {
    Slot* slot = nullptr;
  } work;
};

Compare::Compare(World world, BlockGrid grid) : world_(world), grid_(grid) {}

Result<std::unique_ptr<Compare>> Compare::make(World world, BlockGrid grid) {
  std::unique_ptr<Compare> compare(new Compare(world, grid));
  const CryptoBackend backend = TRY(chosen_backend());
  for (unsigned i = 0; i < world.workers.count(); ++i) {
    compare->fingerprinters_.push_back(make_fingerprinter(backend, world.id_key));
  }
  for (unsigned i = 0; i < batches_at_once; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->compare = compare.get();
    slot->room = world.arena.take(limits::batch_size);
    slot->read.slot = slot->work.slot = slot.get();
    compare->free_.push_back(slot.get());
    compare->slots_.push_back(std::move(slot));
  }
  return compare;
}

Compare::~Compare() {
  give_up();
}

void Compare::give_up() {
  next_ = run_.end;
  under_way_.settle(world_.loop);
}

void Compare::start(BlockRun run, Expected expected) {
  EBB_CHECK(!under_way_.any(), "one comparison at a time");
  EBB_CHECK(expected.size() == run.length().size(), "one expectation for each block");
  run_ = run;
  next_ = run.begin;
  expected_ = std::move(expected);
  differs_.assign(expected_.size(), 0);
  holes_ = world_.device.holes_from(grid_.bytes_of(run).begin);
  hole_.reset();
  start_reads();
}

Result<std::vector<std::uint8_t>> Compare::finish() {
  while (under_way_.any()) {
    auto ran = world_.loop.run_once();
    if (ran) ran = under_way_.trouble();
    if (ran && world_.stop.raised()) ran = fail(Error{ErrorKind::busy, "it was interrupted"});
    if (!ran) {
      give_up();
      return fail(ran.error());
    }
  }
  TRY(under_way_.trouble());
  return std::move(differs_);
}

// As many as there are slots, skipping batches of which nothing is expected.
void Compare::start_reads() {
  const std::uint64_t batch = limits::batch_size.value() >> grid_.block().shift();
  while (next_ < run_.end && !free_.empty() && !under_way_.in_trouble()) {
    const BlockIndex stop(round_down(next_.value(), batch) + batch);
    const BlockRun blocks{next_, std::min(stop, run_.end)};
    next_ = blocks.end;
    const auto part =
        std::span(expected_).subspan((blocks.begin - run_.begin).size(), blocks.length().size());
    if (std::ranges::none_of(part, [](const auto& e) { return e.has_value(); })) continue;
    const bool zero = std::ranges::all_of(part, [](const auto& e) { return !e || e->is_zero(); });
    if (zero && reads_as_zero(grid_.bytes_of(blocks))) continue;
    Slot& slot = *free_.back();
    free_.pop_back();
    slot.blocks = blocks;
    read(slot);
  }
}

// Asked in the order of the device.
bool Compare::reads_as_zero(ByteRun bytes) {
  while (holes_ && (!hole_ || hole_->end <= bytes.begin)) {
    const auto next = holes_->next();
    hole_ = next ? *next : std::nullopt;
    if (!hole_) holes_.reset();
  }
  return hole_ && hole_->contains(bytes);
}

void Compare::read(Slot& slot) {
  // Blocks past the device's end are not expected of it.
  slot.bytes = grid_.bytes_of(slot.blocks).shared_with(world_.device.all());
  slot.read.way = Way::read;
  slot.read.at = slot.bytes.begin;
  slot.read.data = slot.room.first(slot.bytes.length().size());
  slot.read.settled = [](Transfer& transfer, Result<void> result) {
    Slot& s = *static_cast<Slot::Read&>(transfer).slot;
    Compare& c = *s.compare;
    if (result) return c.world_.workers.submit(s.work);
    // What cannot be read is not what the point says; a device that is gone ends the run.
    if (result.error().kind() != ErrorKind::damaged) {
      c.under_way_.note(result.error().during("reading at {}", s.bytes.begin.value()));
    }
    const auto first = static_cast<std::ptrdiff_t>((s.blocks.begin - c.run_.begin).value());
    std::fill_n(c.differs_.begin() + first, s.blocks.length().size(), std::uint8_t{1});
    c.ended(s);
  };
  slot.work.work = &Compare::look_at;
  slot.work.done = [](Job& job) {
    Slot& s = *static_cast<Slot::Work&>(job).slot;
    s.compare->ended(s);
  };
  under_way_.one_starts();
  world_.device.start(slot.read);
}

void Compare::ended(Slot& slot) {
  under_way_.one_ended();
  free_.push_back(&slot);
  start_reads();
}

void Compare::look_at(Job& job, unsigned worker) {
  Slot& slot = *static_cast<Slot::Work&>(job).slot;
  Compare& compare = *slot.compare;
  const std::size_t first = (slot.blocks.begin - compare.run_.begin).size();
  slot.views.clear();
  slot.of.clear();
  for (std::size_t i = 0; i < slot.blocks.length().size(); ++i) {
    const auto& expected = compare.expected_[first + i];
    if (!expected) continue;
    const ByteRun run = compare.grid_.bytes_of(slot.blocks.begin + BlockCount(i));
    const Bytes bytes =
        slot.room.subspan((run.begin - slot.bytes.begin).size(), run.length().size());
    if (is_zero(bytes) || expected->is_zero()) {
      compare.differs_[first + i] = is_zero(bytes) == expected->is_zero() ? 0 : 1;
      continue;
    }
    slot.views.push_back(bytes);
    slot.of.push_back(first + i);
  }
  slot.prints.resize(slot.views.size());
  compare.fingerprinters_[worker]->fingerprint(slot.views, slot.prints);
  for (std::size_t v = 0; v < slot.views.size(); ++v) {
    const bool same = slot.prints[v] == *compare.expected_[slot.of[v]];
    compare.differs_[slot.of[v]] = same ? 0 : 1;
  }
}

}  // namespace ebb
