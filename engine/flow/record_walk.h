// SPDX-License-Identifier: Apache-2.0
// record_walk.h - reads many records in the order in which they lie, with many reads under way.
//
// Neighbours are read in one go. A worker looks at each batch of records, then the I/O thread gets
// it and gives it back when it is done with it. What is done with a record is the visitor's: check
// its CRC, open it and compare, write it to a device.
#pragma once

#include <memory>

#include "devmap/core/interrupt.h"
#include "engine/buffer/arena.h"
#include "engine/flow/point_blocks.h"
#include "engine/flow/under_way.h"

namespace ebb {

class RecordCipher;
class RecordWalk;

// Some records that were read together. Owned by the walk; lent to the visitor.
struct RecordBatch {
  std::vector<WantedRecord> records;  // In the order of their places.
  std::vector<Bytes> raw;             // raw[i]: the record's header and payload.
  MutableBytes plain;                 // Room for what a worker makes of them: 1 MiB.
  std::vector<Bytes> opened;          // opened[i]: by the visitor, in `plain`; empty if damaged.
  std::vector<const RecordCipher*> ciphers;  // ciphers[i] opens raw[i]; by the visitor.
  std::vector<Damage> damages;               // By the visitor.
  std::uint64_t number = 0;                  // Of the batch in the walk.
};

class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  // On the I/O thread, before the batch goes to a worker: for what workers may not do.
  virtual Result<void> prepare(RecordBatch&) { return {}; }
  // On worker `worker`.
  virtual void look_at(RecordBatch& batch, unsigned worker) = 0;
  // On the I/O thread; calls walk.release(batch) when the batch may be used again.
  virtual Result<void> arrived(RecordBatch& batch) = 0;
};

class RecordWalk {
 public:
  struct World {
    ExtentSource& source;
    Loop& loop;
    Workers& workers;
    Arena& arena;  // memory() is cut from it.
    const StopFlag& stop;
  };
  static constexpr unsigned batches_at_once = 24;
  static constexpr ByteCount max_fetch = 1_MiB + 64_KiB;
  static constexpr ByteCount memory() {
    return (needed_room(max_fetch) + limits::batch_size) * batches_at_once;
  }

  RecordWalk(World world, RecordVisitor& visitor, BlockSize block);
  ~RecordWalk();
  RecordWalk(const RecordWalk&) = delete;
  RecordWalk& operator=(const RecordWalk&) = delete;

  // Visits all of `wanted` (sorted by place); returns when every batch was released.
  Result<void> run(std::span<const WantedRecord> wanted);
  void release(RecordBatch& batch);
  // Waits for what is under way without looking at it: before an end by error.
  void settle() { under_way_.settle(world_.loop); }
  Workers& workers() { return world_.workers; }

 private:
  struct Slot;
  Result<void> start(std::span<const WantedRecord>& rest);
  void fetched(Slot& slot, Result<void> result);

  World world_;
  RecordVisitor& visitor_;
  BlockSize block_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::vector<Slot*> read_;     // Fetched; to be prepared and given to a worker.
  std::vector<Slot*> arrived_;  // Looked at; to be given to the visitor.
  UnderWay under_way_;          // Fetches and jobs.
  std::uint64_t started_ = 0;
};

}  // namespace ebb
