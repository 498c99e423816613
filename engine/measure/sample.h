// SPDX-License-Identifier: Apache-2.0
// sample.h - blocks that the stages are measured with: more than a cache holds.
//
// Taken from a device, evenly over all of it and without its zero blocks, for those never get as
// far as the stages; or made up, where there is no device to take them from.
#pragma once

#include <vector>

#include "engine/device/block_device.h"

namespace ebb {

struct Sample {
  ByteVector memory;
  std::vector<Bytes> blocks;  // Of the standard size, in `memory`.

  Sample() = default;
  Sample(Sample&&) noexcept = default;
  Sample& operator=(Sample&&) noexcept = default;
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;
  ByteCount size() const { return ByteCount(memory.size()); }
};

// `size` is rounded up to whole blocks, and is at least one.
Sample made_sample(ByteCount size, std::uint64_t seed);
// At most `size`; absent when the device has nothing but zeroes where it was looked at.
Result<Sample> sample_of(BlockDevice& device, Loop& loop, ByteCount size);

}  // namespace ebb
