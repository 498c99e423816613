// SPDX-License-Identifier: Apache-2.0
// compare.h - which blocks of a device are not what a point says.
//
// Reads the device and compares fingerprints; no block of the point is opened, so the id key is
// enough. What the device cannot give counts as different; what should be zero and was never
// written to an image file is not read. A comparison goes on by itself whenever the loop runs, so
// that its owner can do something else meanwhile.
#pragma once

#include <memory>

#include "devmap/core/interrupt.h"
#include "engine/buffer/arena.h"
#include "engine/device/block_device.h"
#include "engine/flow/under_way.h"
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

  // expected[i] is what block run.begin + i should be; nothing: it is not looked at.
  using Expected = std::vector<std::optional<Fingerprint>>;
  // Begins, and returns at once; nothing else is being compared.
  void start(BlockRun run, Expected expected);
  // Waits for the end of what was started. A flag for each block: 1 where the device differs.
  Result<std::vector<std::uint8_t>> finish();
  Result<std::vector<std::uint8_t>> run(BlockRun run, Expected expected) {
    start(run, std::move(expected));
    return finish();
  }

 private:
  struct Slot;
  Compare(World world, BlockGrid grid);
  void start_reads();
  bool reads_as_zero(ByteRun bytes);
  void read(Slot& slot);
  void ended(Slot& slot);
  void give_up();
  static void look_at(Job& job, unsigned worker);

  World world_;
  BlockGrid grid_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<std::unique_ptr<Fingerprinter>> fingerprinters_;  // One a worker.
  UnderWay under_way_;

  BlockRun run_;
  BlockIndex next_;  // The first block of the run that is not yet being read.
  Expected expected_;
  std::optional<HoleWalk> holes_;  // From hole_ on.
  std::optional<ByteRun> hole_;
  std::vector<std::uint8_t> differs_;  // Each batch writes its own part.
};

}  // namespace ebb
