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
  settle();
}

// Workers look at what the caller of run() expects: nothing may be under way when it returns.
void Compare::settle() {
  while (under_way_ > 0) {
    const auto ran = world_.loop.run_once();
    EBB_CHECK(ran.has_value(), "the ring failed while a device was being read");
  }
}

Result<std::vector<std::uint8_t>> Compare::run(
    BlockRun run, std::span<const std::optional<Fingerprint>> expected) {
  EBB_CHECK(expected.size() == run.length().size(), "one expectation for each block");
  run_ = run;
  expected_ = expected;
  differs_.assign(expected.size(), 0);
  const std::uint64_t batch = limits::batch_size.value() >> grid_.block().shift();
  BlockIndex next = run.begin;
  while (next < run.end || under_way_ > 0) {
    while (next < run.end && !free_.empty()) {
      Slot& slot = *free_.back();
      const BlockIndex stop(round_down(next.value(), batch) + batch);
      slot.blocks = {next, std::min(stop, run.end)};
      next = slot.blocks.end;
      const auto part =
          expected.subspan((slot.blocks.begin - run.begin).size(), slot.blocks.length().size());
      const bool wanted = std::ranges::any_of(part, [](const auto& e) { return e.has_value(); });
      if (!wanted) continue;
      free_.pop_back();
      start(slot);
    }
    auto ran = under_way_ > 0 ? world_.loop.run_once() : Result<void>();
    if (ran && trouble_) ran = fail(*std::exchange(trouble_, std::nullopt));
    if (ran && world_.stop.raised()) ran = fail(Error{ErrorKind::busy, "it was interrupted"});
    if (!ran) {
      settle();
      return fail(ran.error());
    }
  }
  return std::move(differs_);
}

void Compare::start(Slot& slot) {
  // Blocks past the device's end are not expected of it.
  slot.bytes = grid_.bytes_of(slot.blocks).shared_with(world_.device.all());
  slot.read.way = Way::read;
  slot.read.at = slot.bytes.begin;
  slot.read.data = slot.room.first(slot.bytes.length().size());
  slot.read.settled = [](Transfer& transfer, Result<void> result) {
    Slot& s = *static_cast<Slot::Read&>(transfer).slot;
    Compare& c = *s.compare;
    if (!result) {
      // What cannot be read is not what the point says; a device that is gone ends the run.
      if (result.error().kind() != ErrorKind::damaged && !c.trouble_) {
        c.trouble_ = result.error().during("reading at {}", s.bytes.begin.value());
      }
      std::fill_n(
          c.differs_.begin() + static_cast<std::ptrdiff_t>((s.blocks.begin - c.run_.begin).value()),
          s.blocks.length().size(), std::uint8_t{1});
      --c.under_way_;
      c.free_.push_back(&s);
      return;
    }
    s.work.work = &Compare::look_at;
    s.work.done = [](Job& job) {
      Slot& done = *static_cast<Slot::Work&>(job).slot;
      --done.compare->under_way_;
      done.compare->free_.push_back(&done);
    };
    c.world_.workers.submit(s.work);
  };
  ++under_way_;
  world_.device.start(slot.read);
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
