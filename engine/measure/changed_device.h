// SPDX-License-Identifier: Apache-2.0
// changed_device.h - a device of which some blocks read otherwise than they are; a decorator.
//
// Shows what a volume looks like after a part of it was changed, without writing to it. The same
// seed changes the same blocks in the same way. It is for reading only.
#pragma once

#include <memory>
#include <vector>

#include "engine/device/block_device.h"

namespace ebb {

class ChangedDevice final : public BlockDevice {
 public:
  // About so many of a thousand blocks (of the standard size) differ, each in one 4 KiB.
  ChangedDevice(BlockDevice& inner, unsigned per_thousand, std::uint64_t seed)
      : inner_(inner), per_thousand_(per_thousand), seed_(seed) {}
  const Shape& shape() const override { return inner_.shape(); }
  void start(Transfer& transfer) override;
  bool differs(BlockIndex block) const;

 private:
  struct Reading : Transfer {
    ChangedDevice* device = nullptr;
    Transfer* asked = nullptr;
  };
  void change(ByteIndex at, MutableBytes bytes) const;

  BlockDevice& inner_;
  unsigned per_thousand_;
  std::uint64_t seed_;
  std::vector<std::unique_ptr<Reading>> all_;  // One for each read that ever was at once.
  std::vector<Reading*> free_;
};

}  // namespace ebb
