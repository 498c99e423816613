// SPDX-License-Identifier: Apache-2.0
// uring_device.cc - a block device or image file of this machine, through the ring.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include <cerrno>

#include "engine/device/block_device.h"
#include "engine/uring/two_way_fd.h"

namespace ebb {

namespace {

class UringDevice final : public BlockDevice {
 public:
  UringDevice(TwoWayFd fd, Shape shape, int zero_mode, Ring& ring)
      : fd_(std::move(fd)), shape_(shape), zero_mode_(zero_mode), ring_(ring) {}
  const Shape& shape() const override { return shape_; }
  void start(Transfer& transfer) override {
    EBB_CHECK(transfer.way == Way::sync_data || all().contains(transfer.bytes()),
              "a transfer past the device's end");
    transfer.fd = fd_.for_transfer(transfer);
    transfer.zero_mode = zero_mode_;
    ring_.submit(transfer);
  }
  std::optional<HoleWalk> holes_from(ByteIndex at) override {
    auto walk = HoleWalk::over(fd_.buffered(), shape_.size, at);
    return walk ? std::optional(*walk) : std::nullopt;
  }

 private:
  TwoWayFd fd_;
  Shape shape_;
  int zero_mode_;
  Ring& ring_;
};

}  // namespace

Result<std::unique_ptr<BlockDevice>> open_device(const std::string& path, Access access,
                                                 const Shape& shape, Ring& ring) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return fail(Error::from_errno(errno).during("opening {}", path));
  }
  const bool is_block_device = S_ISBLK(status.st_mode);
  int flags = access == Access::read ? O_RDONLY : O_RDWR;
  if (is_block_device && access == Access::write) flags |= O_EXCL;
  const ByteCount alignment = is_block_device ? shape.logical_sector : limits::io_alignment;
  TwoWayFd fd = TRY(TwoWayFd::open(path, flags, alignment));
  // On a block device the kernel writes zeroes where the hardware cannot, never a mere discard. In
  // a file a hole reads as zero.
  const int zero_mode =
      FALLOC_FL_KEEP_SIZE | (is_block_device ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE);
  return std::unique_ptr<BlockDevice>(new UringDevice(std::move(fd), shape, zero_mode, ring));
}

}  // namespace ebb
