// SPDX-License-Identifier: Apache-2.0
#include "tests/support/loop_device.h"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "devmap/core/unique_fd.h"

namespace ebb::test {

namespace {

UniqueFd open_device(const std::string& path, int flags) {
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

loop_config config_for(int backing, const std::string& image, const LoopOptions& options) {
  loop_config config{};
  config.fd = static_cast<__u32>(backing);
  config.block_size = static_cast<__u32>(options.sector.value());
  config.info.lo_offset = options.offset.value();
  config.info.lo_sizelimit = options.size_limit.value();
  if (options.direct_io) config.info.lo_flags |= LO_FLAGS_DIRECT_IO;
  if (options.read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  std::strncpy(reinterpret_cast<char*>(config.info.lo_file_name), image.c_str(),
               sizeof config.info.lo_file_name - 1);
  return config;
}

// Nodes come from devtmpfs; where there is none, we make them.
void ensure_node(const std::string& path, dev_t number) {
  if (::access(path.c_str(), F_OK) != 0) ::mknod(path.c_str(), S_IFBLK | 0600, number);
}

Result<void> change_partition(const std::string& disk, int operation, unsigned number,
                              ByteRun bytes) {
  blkpg_partition partition{};
  partition.pno = static_cast<int>(number);
  partition.start = static_cast<long long>(bytes.begin.value());
  partition.length = static_cast<long long>(bytes.length().value());
  blkpg_ioctl_arg argument{};
  argument.op = operation;
  argument.datalen = sizeof partition;
  argument.data = &partition;
  const UniqueFd fd = open_device(disk, O_RDONLY);
  if (!fd.is_open() || ::ioctl(fd.get(), BLKPG, &argument) != 0) {
    return fail(Error::from_errno(errno).during("partition {} of {}", number, disk));
  }
  return {};
}

// A program that was killed leaves its partitions to whoever gets the device next.
void forget_partitions(const std::string& disk) {
  const std::string name = disk.substr(disk.rfind('/') + 1);
  for (unsigned number = 1; number <= 16; ++number) {
    const std::string entry = fmt::format("/sys/block/{}/{}p{}", name, name, number);
    if (::access(entry.c_str(), F_OK) == 0) {
      (void)change_partition(disk, BLKPG_DEL_PARTITION, number, {});
    }
  }
}

}  // namespace

std::string why_no_loop_devices() {
  if (::geteuid() != 0) return "loop devices need root";
  if (!open_device("/dev/loop-control", O_RDWR).is_open()) return "no /dev/loop-control";
  return "";
}

Result<std::unique_ptr<LoopDevice>> LoopDevice::attach(const std::string& image,
                                                       const LoopOptions& options) {
  const UniqueFd backing = open_device(image, options.read_only ? O_RDONLY : O_RDWR);
  if (!backing.is_open()) return fail(Error::from_errno(errno).during("opening {}", image));
  const UniqueFd control = open_device("/dev/loop-control", O_RDWR);
  if (!control.is_open()) return fail(Error::from_errno(errno).during("/dev/loop-control"));
  const loop_config config = config_for(backing.get(), image, options);
  // Another test may take the free device between the two calls.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return fail(Error::from_errno(errno).during("asking for a free loop device"));
    const std::string path = fmt::format("/dev/loop{}", number);
    ensure_node(path, ::makedev(7, static_cast<unsigned>(number)));
    const UniqueFd device = open_device(path, O_RDWR);
    if (!device.is_open()) return fail(Error::from_errno(errno).during("opening {}", path));
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) {
      forget_partitions(path);
      return std::unique_ptr<LoopDevice>(new LoopDevice(path));
    }
    if (errno != EBUSY) {
      return fail(Error::from_errno(errno).during("attaching {} to {}", image, path));
    }
  }
  return fail(Error::busy("no loop device stays free"));
}

LoopDevice::~LoopDevice() {
  for (const unsigned number : partitions_) {
    (void)change_partition(path_, BLKPG_DEL_PARTITION, number, {});
  }
  const UniqueFd device = open_device(path_, O_RDONLY);
  if (device.is_open()) ::ioctl(device.get(), LOOP_CLR_FD);
}

Result<std::string> LoopDevice::add_partition(unsigned number, ByteRun bytes) {
  TRY(change_partition(path_, BLKPG_ADD_PARTITION, number, bytes));
  partitions_.push_back(number);
  const std::string node = fmt::format("{}p{}", path_, number);
  if (::access(node.c_str(), F_OK) != 0) {
    return fail(Error::absent("{} did not appear", node));
  }
  return node;
}

Result<void> LoopDevice::refresh_size() {
  const UniqueFd device = open_device(path_, O_RDONLY);
  if (!device.is_open() || ::ioctl(device.get(), LOOP_SET_CAPACITY) != 0) {
    return fail(Error::from_errno(errno).during("resizing {}", path_));
  }
  return {};
}

Result<std::unique_ptr<Mount>> Mount::at(const std::string& device, const std::string& folder,
                                         const std::string& type, bool read_only) {
  const bool bind = type == "bind";
  unsigned long flags = 0;
  if (bind) flags |= MS_BIND;
  if (read_only) flags |= MS_RDONLY;
  if (::mount(device.c_str(), folder.c_str(), bind ? nullptr : type.c_str(), flags, nullptr) != 0) {
    return fail(Error::from_errno(errno).during("mounting {} on {}", device, folder));
  }
  return std::unique_ptr<Mount>(new Mount(folder));
}

namespace {

Result<void> remount(const std::string& folder, unsigned long flags) {
  if (::mount("", folder.c_str(), "", MS_REMOUNT | flags, nullptr) != 0) {
    return fail(Error::from_errno(errno).during("remounting {}", folder));
  }
  return {};
}

}  // namespace

Result<void> Mount::make_read_only() const {
  return remount(folder_, MS_RDONLY);
}

Result<void> Mount::make_writable() const {
  return remount(folder_, 0);
}

Mount::~Mount() {
  if (::umount2(folder_.c_str(), UMOUNT_NOFOLLOW) != 0) {
    ::umount2(folder_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
  }
}

}  // namespace ebb::test
