// SPDX-License-Identifier: Apache-2.0
// batch_read.h - fills a batch from a device: a read for each of its runs, all at once, and of
// sectors that are bad what a failing device still gives (careful_read.h).
#pragma once

#include <array>

#include "devmap/geometry.h"
#include "engine/flow/careful_read.h"

namespace ebb {

class BatchRead {
 public:
  // As many blocks of 16 KiB and more as fill the lanes of a fingerprinter.
  static constexpr std::size_t max_runs = 16;

  BatchRead() = default;
  BatchRead(const BatchRead&) = delete;
  BatchRead& operator=(const BatchRead&) = delete;

  // Reads the runs into `room`, one after the other; calls `done` when all have ended. An error
  // means that the device is lost, not that sectors are bad: these are zero, and unreadable().
  // One reading at a time.
  void start(BlockDevice& device, const BlockGrid& grid, std::span<const BlockRun> runs,
             MutableBytes room, void (*done)(BatchRead&, Result<void>), void* owner);
  void* owner() const { return owner_; }
  const std::vector<ByteRun>& unreadable() const { return unreadable_; }

 private:
  struct Piece : Transfer {
    BatchRead* batch = nullptr;
    ByteCount length;
    CarefulRead careful;
  };
  void settled(Piece& piece, Result<void> result);
  void ended(Result<void> result);

  BlockDevice* device_ = nullptr;
  void (*done_)(BatchRead&, Result<void>) = nullptr;
  void* owner_ = nullptr;
  std::array<Piece, max_runs> pieces_;
  std::size_t left_ = 0;
  Result<void> result_;
  std::vector<ByteRun> unreadable_;
};

}  // namespace ebb
