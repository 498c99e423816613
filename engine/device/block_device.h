// SPDX-License-Identifier: Apache-2.0
// block_device.h - something with sectors that can be read and written at an offset.
//
// Transfers stay inside the device's shape; going past its end is the caller's bug. A read or write
// may have any offset and length: what direct I/O cannot do goes through the page cache.
#pragma once

#include <memory>
#include <string>

#include "devmap/geometry.h"
#include "devmap/source/holes.h"
#include "engine/uring/ring.h"

namespace ebb {

class BlockDevice : public Medium {
 public:
  virtual const Shape& shape() const = 0;
  // What was never written from there on, and so reads as zero; nothing where that is not known.
  virtual std::optional<HoleWalk> holes_from(ByteIndex) { return std::nullopt; }
  ByteRun all() const { return ByteRun::of(ByteIndex(0), shape().size); }
};

enum class Access {
  read,
  write,  // Read and write; a block device is opened exclusively (O_EXCL), so that a mounted
          // or held one is refused by the kernel too.
};

// A block device or image file of this machine, through the ring.
Result<std::unique_ptr<BlockDevice>> open_device(const std::string& path, Access access,
                                                 const Shape& shape, Ring& ring);

// A device in memory: for tests and simulations. Reads as zero where nothing was written.
class MemoryDevice final : public BlockDevice {
 public:
  MemoryDevice(Loop& loop, Shape shape);
  const Shape& shape() const override { return shape_; }
  void start(Transfer& transfer) override;
  MutableBytes content() { return content_; }

 private:
  Loop& loop_;
  Shape shape_;
  ByteVector content_;
};

}  // namespace ebb
