// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/careful_read.h"

#include <algorithm>

namespace ebb {

void CarefulRead::start(BlockDevice& device, ByteRun bytes, MutableBytes room,
                        void (*done)(CarefulRead&, Result<void>), void* owner) {
  EBB_CHECK(to_try_.empty() && room.size() == bytes.length().size(), "one careful read at a time");
  device_ = &device;
  all_ = bytes;
  room_ = room;
  done_ = done;
  owner_ = owner;
  unreadable_.clear();
  to_try_ = {bytes};
  next();
}

void CarefulRead::next() {
  const ByteRun run = to_try_.back();
  attempt_.reader = this;
  attempt_.way = Way::read;
  attempt_.at = run.begin;
  attempt_.data = room_.subspan((run.begin - all_.begin).size(), run.length().size());
  attempt_.settled = [](Transfer& transfer, Result<void> result) {
    static_cast<Attempt&>(transfer).reader->settled(std::move(result));
  };
  device_->start(attempt_);
}

void CarefulRead::settled(Result<void> result) {
  const ByteRun run = to_try_.back();
  to_try_.pop_back();
  if (!result && result.error().kind() != ErrorKind::damaged) {
    to_try_.clear();
    return done_(*this, std::move(result));
  }
  const ByteCount sector = device_->shape().logical_sector;
  if (!result && run.length() <= sector) {
    give_up(run);
  } else if (!result) {
    const ByteCount half = round_up(ByteCount(run.length().value() / 2), sector);
    const ByteIndex middle = std::min(run.begin + half, run.end);
    if (middle < run.end) to_try_.push_back({middle, run.end});
    to_try_.push_back({run.begin, middle});
  }
  if (to_try_.empty()) return done_(*this, {});
  next();
}

void CarefulRead::give_up(ByteRun bytes) {
  std::ranges::fill(room_.subspan((bytes.begin - all_.begin).size(), bytes.length().size()),
                    std::byte{0});
  if (!unreadable_.empty() && unreadable_.back().end == bytes.begin) {
    unreadable_.back().end = bytes.end;
  } else {
    unreadable_.push_back(bytes);
  }
}

}  // namespace ebb
