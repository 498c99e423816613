// SPDX-License-Identifier: Apache-2.0
// device_mapper.h - what the kernel's device mapper says of a device, and messages to its targets.
//
// Three calls of the stable interface in <linux/dm-ioctl.h>, without libdevmapper, which speaks on
// standard error and waits for udev. Nothing is made, suspended or removed here (lvm/held_still.h
// suspends). Needs root.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

// One line of a device's table: what lies at these bytes of it.
struct MapperTarget {
  ByteRun bytes;
  std::string type;                // "snapshot", "thin-pool", "linear"
  std::vector<std::string> words;  // Its parameters, or its status.
};

struct MapperDevice {
  std::string name;  // "vg0-data"
  std::string uuid;  // "LVM-..."; empty when whoever made it gave none.
  std::vector<MapperTarget> targets;

  // The only target, which is of `type`; refused as mismatch when that is not so.
  Result<MapperTarget> only(std::string_view type) const;
};

class DeviceMapper {
 public:
  virtual ~DeviceMapper() = default;
  // What the device is made of.
  virtual Result<MapperDevice> table(dev_t device) = 0;
  // How it is, without making it write what it holds back.
  virtual Result<MapperDevice> status(dev_t device) = 0;
  // To the target at the beginning of the device.
  virtual Result<void> message(dev_t device, const std::string& text) = 0;
};

// The kernel's, by /dev/mapper/control.
DeviceMapper& kernel_device_mapper();

// The block device that a path leads to; mismatch when it is none.
Result<dev_t> number_of_device(const std::string& path);

// "253:4", as targets name devices. Nothing when it is something else.
std::optional<dev_t> device_number(std::string_view text);

}  // namespace ebb
