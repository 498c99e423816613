// SPDX-License-Identifier: Apache-2.0
#include "engine/device/block_device.h"

namespace ebb {

MemoryDevice::MemoryDevice(Loop& loop, Shape shape)
    : loop_(loop), shape_(shape), content_(shape.size.size()) {}

void MemoryDevice::start(Transfer& transfer) {
  EBB_CHECK(all().contains(transfer.bytes()) || transfer.way == Way::sync_data,
            "a transfer past the device's end");
  const std::size_t at = transfer.at.value();
  switch (transfer.way) {
    case Way::read:
      std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(at), transfer.data.size(),
                  transfer.data.begin());
      break;
    case Way::write:
      std::copy(transfer.data.begin(), transfer.data.end(),
                content_.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case Way::write_zeroes:
      std::fill_n(content_.begin() + static_cast<std::ptrdiff_t>(at), transfer.length.size(),
                  std::byte{0});
      break;
    case Way::sync_data: break;
  }
  loop_.settle_later(transfer, {});
}

}  // namespace ebb
