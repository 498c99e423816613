// SPDX-License-Identifier: Apache-2.0
// zram_device.h - a block device in memory that takes bios as they come, without requests, as
// device-mapper and md do. Gone with its owner.
#pragma once

#include <memory>
#include <string>

#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb::test {

class ZramDevice {
 public:
  // Absent where the kernel has no zram, or it cannot be asked for a device.
  static Result<std::unique_ptr<ZramDevice>> make(ByteCount size);
  ~ZramDevice();
  ZramDevice(const ZramDevice&) = delete;
  ZramDevice& operator=(const ZramDevice&) = delete;

  std::string path() const { return "/dev/zram" + number_; }

 private:
  explicit ZramDevice(std::string number) : number_(std::move(number)) {}
  std::string number_;
};

}  // namespace ebb::test
