// SPDX-License-Identifier: Apache-2.0
// mapper_call.h - a request to the kernel's device mapper, laid out as <linux/dm-ioctl.h> wants it.
//
// For what implements device_mapper.h and its neighbours; nobody else includes it.
#pragma once

#include <linux/dm-ioctl.h>
#include <sys/sysmacros.h>
#include <sys/types.h>

#include "devmap/core/bytes.h"

namespace ebb {

// A request and the room for its answer, in one piece.
class MapperCall {
 public:
  MapperCall(dev_t device, std::uint32_t flags, std::size_t room) : bytes_(room) {
    dm_ioctl& asked = head();
    asked.version[0] = DM_VERSION_MAJOR;
    asked.version[1] = 0;  // Nothing newer is asked for.
    asked.version[2] = 0;
    asked.data_size = static_cast<std::uint32_t>(room);
    asked.data_start = sizeof(dm_ioctl);
    asked.flags = flags;
    asked.dev = encoded(device);
  }

  dm_ioctl& head() { return *reinterpret_cast<dm_ioctl*>(bytes_.data()); }
  // What follows the head, in both directions.
  MutableBytes data() { return MutableBytes(bytes_).subspan(sizeof(dm_ioctl)); }

 private:
  // As the kernel's huge_encode_dev() puts it.
  static std::uint64_t encoded(dev_t device) {
    const std::uint64_t low = minor(device) & 0xff;
    const std::uint64_t high = minor(device) & ~0xffu;
    return low | (static_cast<std::uint64_t>(major(device)) << 8) | (high << 12);
  }

  ByteVector bytes_;
};

}  // namespace ebb
