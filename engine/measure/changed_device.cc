// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/changed_device.h"

namespace ebb {

namespace {

constexpr ByteCount changed_bytes = 4_KiB;

// Spreads the numbers of neighbours; any good mixing of bits does.
std::uint64_t mixed(std::uint64_t n) {
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
  n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
  return n ^ (n >> 31);
}

}  // namespace

bool ChangedDevice::differs(BlockIndex block) const {
  return mixed(block.value() ^ mixed(seed_)) % 1000 < per_thousand_;
}

void ChangedDevice::start(Transfer& transfer) {
  EBB_CHECK(transfer.way == Way::read, "a device that only looks changed is not written");
  if (free_.empty()) {
    all_.push_back(std::make_unique<Reading>());
    free_.push_back(all_.back().get());
  }
  Reading& reading = *free_.back();
  free_.pop_back();
  reading.device = this;
  reading.asked = &transfer;
  reading.way = Way::read;
  reading.at = transfer.at;
  reading.data = transfer.data;
  reading.settled = [](Transfer& t, Result<void> result) {
    auto& settled = static_cast<Reading&>(t);
    ChangedDevice& device = *settled.device;
    Transfer& asked = *settled.asked;
    device.free_.push_back(&settled);
    if (result) device.change(asked.at, asked.data);
    asked.settled(asked, std::move(result));
  };
  inner_.start(reading);
}

void ChangedDevice::change(ByteIndex at, MutableBytes bytes) const {
  const BlockGrid grid(shape().size, BlockSize::standard());
  const BlockRun touched = grid.blocks_touching(ByteRun::of(at, ByteCount(bytes.size())));
  for (BlockIndex block = touched.begin; block < touched.end; block += BlockCount(1)) {
    if (!differs(block)) continue;
    const ByteRun part = ByteRun::of(grid.bytes_of(block).begin, changed_bytes)
                             .shared_with(ByteRun::of(at, ByteCount(bytes.size())));
    for (ByteIndex i = part.begin; i < part.end; i += ByteCount(1)) {
      bytes[(i - at).size()] ^= static_cast<std::byte>(mixed(seed_ ^ i.value()));
    }
  }
}

}  // namespace ebb
