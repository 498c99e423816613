// SPDX-License-Identifier: Apache-2.0
// faulty_device.h - a device that fails as told; a decorator for tests and drills.
#pragma once

#include <functional>
#include <vector>

#include "engine/device/block_device.h"

namespace ebb {

// What happens to one transfer: nothing (pass it on), or an error in its place.
using FaultRule = std::function<Result<void>(const Transfer&)>;

// Reads that share a byte with one of `bad` fail as a medium error does (damaged).
FaultRule bad_sectors(std::vector<ByteRun> bad);
// The first `allowed` writes pass; every later one, and every sync, fails as a lost device does.
FaultRule lost_after_writes(std::uint64_t allowed);

class FaultyDevice final : public BlockDevice {
 public:
  FaultyDevice(BlockDevice& inner, Loop& loop, FaultRule rule)
      : inner_(inner), loop_(loop), rule_(std::move(rule)) {}
  const Shape& shape() const override { return inner_.shape(); }
  void start(Transfer& transfer) override {
    if (auto verdict = rule_(transfer); !verdict) {
      loop_.settle_later(transfer, std::move(verdict));
    } else {
      inner_.start(transfer);
    }
  }

 private:
  BlockDevice& inner_;
  Loop& loop_;
  FaultRule rule_;
};

// Passes everything on and keeps what was asked, in order.
class RecordingDevice final : public BlockDevice {
 public:
  struct Asked {
    Way way;
    ByteRun bytes;
  };
  explicit RecordingDevice(BlockDevice& inner) : inner_(inner) {}
  const Shape& shape() const override { return inner_.shape(); }
  void start(Transfer& transfer) override {
    asked_.push_back({transfer.way, transfer.bytes()});
    inner_.start(transfer);
  }
  const std::vector<Asked>& asked() const { return asked_; }

 private:
  BlockDevice& inner_;
  std::vector<Asked> asked_;
};

}  // namespace ebb
