// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/batch_read.h"

namespace ebb {

void BatchRead::start(BlockDevice& device, const BlockGrid& grid, std::span<const BlockRun> runs,
                      MutableBytes room, void (*done)(BatchRead&, Result<void>), void* owner) {
  EBB_CHECK(left_ == 0 && !runs.empty() && runs.size() <= max_runs, "one reading of a few runs");
  device_ = &device;
  done_ = done;
  owner_ = owner;
  left_ = runs.size();
  result_ = {};
  unreadable_.clear();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Piece& piece = pieces_[i];
    const ByteRun bytes = grid.bytes_of(runs[i]);
    piece.batch = this;
    piece.length = bytes.length();
    piece.way = Way::read;
    piece.at = bytes.begin;
    piece.data = room.first(bytes.length().size());
    room = room.subspan(bytes.length().size());
    piece.settled = [](Transfer& transfer, Result<void> result) {
      auto& of = static_cast<Piece&>(transfer);
      of.batch->settled(of, std::move(result));
    };
  }
  for (std::size_t i = 0; i < runs.size(); ++i) device.start(pieces_[i]);
}

void BatchRead::settled(Piece& piece, Result<void> result) {
  if (result || result.error().kind() != ErrorKind::damaged) {
    return ended(during(std::move(result), "reading {} bytes at {}", piece.length.value(),
                        piece.at.value()));
  }
  // Some sector of it is bad: find out which, and get the others.
  piece.careful.start(
      *device_, {piece.at, piece.at + piece.length}, piece.data,
      [](CarefulRead& careful, Result<void> outcome) {
        auto& batch = *static_cast<BatchRead*>(careful.owner());
        batch.unreadable_.insert(batch.unreadable_.end(), careful.unreadable().begin(),
                                 careful.unreadable().end());
        batch.ended(std::move(outcome));
      },
      this);
}

void BatchRead::ended(Result<void> result) {
  if (result_ && !result) result_ = std::move(result);
  if (--left_ == 0) done_(*this, std::move(result_));
}

}  // namespace ebb
