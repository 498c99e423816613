// SPDX-License-Identifier: Apache-2.0
// compare.h - which blocks of a device are not what a point says.
//
// Reads the device and compares fingerprints; no block of the point is opened, so the id key is
// enough. What the device cannot give counts as different.
#pragma once

#include <memory>

#include "devmap/core/interrupt.h"
#include "engine/buffer/arena.h"
#include "engine/device/block_device.h"
#include "engine/stage/fingerprint.h"

namespace ebb {

class Compare {
 public:
  struct World {
    BlockDevice& device;  // At least as large as the grid.
    Loop& loop;
    Workers& workers;
    Arena& arena;  // memory() is cut from it.
    const IdKey& id_key;
    const StopFlag& stop;
  };
  static constexpr unsigned batches_at_once = 16;
  static constexpr ByteCount memory() { return limits::batch_size * batches_at_once; }

  static Result<std::unique_ptr<Compare>> make(World world, BlockGrid grid);
  ~Compare();
  Compare(const Compare&) = delete;
  Compare& operator=(const Compare&) = delete;

  // expected[i] is what block run.begin + i should be; nothing: it is not looked at. Returns a flag
  // for each block: 1 where the device differs.
  Result<std::vector<std::uint8_t>> run(BlockRun run,
                                        std::span<const std::optional<Fingerprint>> expected);

 private:
  struct Slot;
  Compare(World world, BlockGrid grid);
  void start(Slot& slot);
  void settle();
  static void look_at(Job& job, unsigned worker);

  World world_;
  BlockGrid grid_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<std::unique_ptr<Fingerprinter>> fingerprinters_;  // One a worker.
  unsigned under_way_ = 0;
  std::optional<Error> trouble_;

  BlockRun run_;
  std::span<const std::optional<Fingerprint>> expected_;
  std::vector<std::uint8_t> differs_;  // Each batch writes its own part.
};

}  // namespace ebb
