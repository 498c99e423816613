// SPDX-License-Identifier: Apache-2.0
// transfer_measure.h - how fast a medium reads and writes with so many transfers under way, and how
// long it takes until a write is safe.
//
// Transfers go as the engine's own do: by the loop, in order over the medium, from aligned memory.
// The medium decides whether that is direct I/O. Writing overwrites what is there.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/measure/figure.h"
#include "engine/uring/loop.h"

namespace ebb {

// The places that transfers go to: pieces of some runs of a medium, in order, over and over.
class Course {
 public:
  explicit Course(std::vector<ByteRun> runs) : runs_(std::move(runs)) {}
  // The next whole piece that lies in one run, at a multiple of its length from the run's begin or
  // from where the last piece ended; nothing when no run is as long.
  std::optional<ByteRun> next(ByteCount piece);
  bool fits(ByteCount piece) const;

 private:
  std::vector<ByteRun> runs_;
  std::size_t run_ = 0;
  ByteCount used_;  // Of the run.
};

struct TransferPlan {
  Way way = Way::read;  // Or write.
  ByteCount piece;
  unsigned depth = 1;
};

struct TransferFigure {
  TransferPlan plan;
  Figure figure;            // Operations are transfers. A write is safe when the time ends.
  std::uint64_t turns = 0;  // Of the loop; one or two system calls each.
};

// `memory` has room for depth pieces; the bytes in it are written. Invalid when the course has no
// place for a piece.
Result<TransferFigure> measure_transfers(const MeasureWorld& world, Loop& loop, Medium& medium,
                                         Course& course, MutableBytes memory, TransferPlan plan);

struct SyncFigure {
  Figure figure;  // Operations are writes of 4 KiB, each followed by a sync.
  double median_seconds = 0;
  double p99_seconds = 0;
};

// Overwrites the first 4 KiB, again and again, and waits each time until they are safe.
Result<SyncFigure> measure_sync(const MeasureWorld& world, Loop& loop, Medium& medium,
                                MutableBytes memory);

}  // namespace ebb
