// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/record_walk.h"

#include <algorithm>

namespace ebb {

namespace {

// A gap between two wanted records that is cheaper to read than to skip.
constexpr std::uint64_t max_gap = 32 * 1024;

std::uint64_t end_of(const RecordPlace& place) {
  return std::uint64_t{place.at} + sizeof(RecordHeaderOnDisk) + place.stored_length;
}

}  // namespace

struct RecordWalk::Slot {
  RecordWalk* walk = nullptr;
  RecordBatch batch;
  MutableBytes room;
  struct Reading : Fetch {
    Slot* slot = nullptr;
  } fetch;
  struct Work : Job {
    Slot* slot = nullptr;
  } work;
};

RecordWalk::RecordWalk(World world, RecordVisitor& visitor, BlockSize block)
    : world_(world), visitor_(visitor), block_(block) {
  for (unsigned i = 0; i < batches_at_once; ++i) {
    auto slot = std::make_unique<Slot>();
    slot->walk = this;
    slot->room = world_.arena.take(needed_room(max_fetch));
    slot->batch.plain = world_.arena.take(limits::batch_size);
    slot->fetch.slot = slot->work.slot = slot.get();
    free_.push_back(slot.get());
    slots_.push_back(std::move(slot));
  }
}

RecordWalk::~RecordWalk() {
  settle();
}

void RecordWalk::release(RecordBatch& batch) {
  for (const auto& slot : slots_) {
    if (&slot->batch == &batch) free_.push_back(slot.get());
  }
}

Result<void> RecordWalk::run(std::span<const WantedRecord> wanted) {
  while (!wanted.empty() || free_.size() < slots_.size()) {
    while (!wanted.empty() && !free_.empty()) TRY(start(wanted));
    // A visitor may have run the loop meanwhile; then there is something to do already.
    if (read_.empty() && arrived_.empty() && free_.size() < slots_.size()) {
      TRY(world_.loop.run_once());
    }
    for (Slot* slot : std::exchange(read_, {})) {
      TRY(visitor_.prepare(slot->batch));
      under_way_.one_starts();
      world_.workers.submit(slot->work);
    }
    for (Slot* slot : std::exchange(arrived_, {})) TRY(visitor_.arrived(slot->batch));
    if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
  }
  return {};
}

// Takes the next records that lie close together in one pack, and reads them.
Result<void> RecordWalk::start(std::span<const WantedRecord>& rest) {
  Slot& slot = *free_.back();
  const PackId pack = rest.front().place.pack;
  const std::uint64_t begin = rest.front().place.at;
  std::uint64_t end = begin;
  const std::size_t most = limits::batch_size.size() / block_.bytes().size();
  std::size_t taken = 0;
  while (taken < rest.size() && taken < most) {
    const RecordPlace& place = rest[taken].place;
    const std::uint64_t new_end = std::max(end, end_of(place));
    if (place.pack != pack || place.at > end + max_gap || new_end - begin > max_fetch.value()) {
      break;
    }
    end = new_end;
    ++taken;
  }
  if (taken == 0) {
    return fail(Error::damaged("the index names a record of {} bytes in pack {}",
                               rest.front().place.stored_length, pack.hex()));
  }
  free_.pop_back();
  slot.batch.records.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(taken));
  slot.batch.damages.clear();
  slot.batch.number = started_++;
  rest = rest.subspan(taken);
  slot.fetch.pack = pack;
  slot.fetch.bytes = {ByteIndex(begin), ByteIndex(end)};
  slot.fetch.room = slot.room;
  slot.fetch.settled = [](Fetch& fetch, Result<void> result) {
    Slot& s = *static_cast<Slot::Reading&>(fetch).slot;
    s.walk->fetched(s, std::move(result));
  };
  under_way_.one_starts();
  world_.source.fetch(slot.fetch);
  return {};
}

void RecordWalk::fetched(Slot& slot, Result<void> result) {
  under_way_.one_ended();
  RecordBatch& batch = slot.batch;
  batch.raw.assign(batch.records.size(), Bytes());
  batch.opened.assign(batch.records.size(), Bytes());
  if (result) {
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const RecordPlace& place = batch.records[i].place;
      batch.raw[i] = slot.fetch.arrived.subspan(place.at - slot.fetch.bytes.begin.value(),
                                                end_of(place) - place.at);
    }
  } else {
    // The pack cannot be read here: every record in the run is damaged, the walk goes on.
    for (const WantedRecord& record : batch.records) {
      batch.damages.push_back({"reading its pack: " + result.error().text(), record.place,
                               BlockRun::of(record.block, BlockCount(1))});
    }
  }
  slot.work.work = [](Job& job, unsigned worker) {
    Slot& s = *static_cast<Slot::Work&>(job).slot;
    s.walk->visitor_.look_at(s.batch, worker);
  };
  slot.work.done = [](Job& job) {
    Slot& s = *static_cast<Slot::Work&>(job).slot;
    s.walk->under_way_.one_ended();
    s.walk->arrived_.push_back(&s);
  };
  read_.push_back(&slot);
}

}  // namespace ebb
