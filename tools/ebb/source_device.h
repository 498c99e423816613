// SPDX-License-Identifier: Apache-2.0
// source_device.h - a device, image or NBD export that is read for a backup, with what of it need
// not be read.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "devmap/core/unique_fd.h"
#include "devmap/passport.h"
#include "devmap/source/holes.h"
#include "engine/device/block_device.h"
#include "engine/nbd/nbd_device.h"

namespace ebb {

class SourceDevice {
 public:
  // `passport` is the device's own; its shape may be shorter than the device.
  static Result<std::unique_ptr<SourceDevice>> open(const std::string& path,
                                                    const Passport& passport, Ring& ring);

  // Nobody asks the export anything once the device is read from.
  static Result<std::unique_ptr<SourceDevice>> over(std::shared_ptr<NbdExport> from, Ring& ring);

  BlockDevice& device() { return *device_; }
  // From the first hole on; nothing where there are no holes to know of. One walk at a time.
  std::optional<HoleWalk> holes() const;

 private:
  SourceDevice() = default;
  std::unique_ptr<BlockDevice> device_;
  UniqueFd holes_fd_;  // The walk moves the position of a descriptor of its own.
  std::shared_ptr<const std::vector<ByteRun>> zeroes_;  // Of an export.
};

}  // namespace ebb
