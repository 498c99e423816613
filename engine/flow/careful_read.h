// SPDX-License-Identifier: Apache-2.0
// careful_read.h - reads what a failing device still gives.
//
// A run that could not be read is halved until single sectors fail. What cannot be read is zero in
// the room and named in unreadable(); it is never passed on as data without that name.
#pragma once

#include <vector>

#include "engine/device/block_device.h"

namespace ebb {

class CarefulRead {
 public:
  CarefulRead() = default;
  CarefulRead(const CarefulRead&) = delete;
  CarefulRead& operator=(const CarefulRead&) = delete;

  // Reads `bytes` into `room`; calls `done` when every sector was read or given up. An error means
  // that the device is lost, not that sectors are bad. One reading at a time.
  void start(BlockDevice& device, ByteRun bytes, MutableBytes room,
             void (*done)(CarefulRead&, Result<void>), void* owner);
  void* owner() const { return owner_; }
  const std::vector<ByteRun>& unreadable() const { return unreadable_; }

 private:
  struct Attempt : Transfer {
    CarefulRead* reader = nullptr;
  };
  void next();
  void settled(Result<void> result);
  void give_up(ByteRun bytes);

  BlockDevice* device_ = nullptr;
  ByteRun all_;
  MutableBytes room_;
  void (*done_)(CarefulRead&, Result<void>) = nullptr;
  void* owner_ = nullptr;
  std::vector<ByteRun> to_try_;  // The next one last.
  std::vector<ByteRun> unreadable_;
  Attempt attempt_;
};

}  // namespace ebb
