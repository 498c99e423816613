// SPDX-License-Identifier: Apache-2.0
#include "devmap/geometry.h"

#include <bit>

namespace ebb {

Result<BlockSize> BlockSize::of(ByteCount bytes) {
  if (!std::has_single_bit(bytes.value()) || bytes < limits::min_block_size ||
      bytes > limits::max_block_size) {
    return fail(Error::invalid("a block of {} bytes: the size must be a power of two from {} to {}",
                               bytes.value(), limits::min_block_size.value(),
                               limits::max_block_size.value()));
  }
  return BlockSize(static_cast<unsigned>(std::countr_zero(bytes.value())));
}

BlockSize BlockSize::standard() {
  return BlockSize(static_cast<unsigned>(std::countr_zero(limits::default_block_size.value())));
}

ByteRun BlockGrid::bytes_of(BlockIndex block) const {
  return bytes_of(BlockRun::of(block, BlockCount(1)));
}

ByteRun BlockGrid::bytes_of(BlockRun run) const {
  EBB_CHECK(run.begin <= run.end && run.end.value() <= count().value(), "a run past the grid");
  const ByteIndex device_end(size_.value());
  const auto place = [&](BlockIndex at) {
    return std::min(ByteIndex(at.value() << block_.shift()), device_end);
  };
  return {place(run.begin), place(run.end)};
}

BlockRun BlockGrid::blocks_touching(ByteRun bytes) const {
  const ByteRun clipped = bytes.shared_with({ByteIndex(0), ByteIndex(size_.value())});
  if (clipped.empty()) return {};
  const ByteIndex last = clipped.end - ByteCount(1);
  return {block_at(clipped.begin), block_at(last) + BlockCount(1)};
}

BlockRun BlockGrid::blocks_within(ByteRun bytes) const {
  const ByteRun clipped = bytes.shared_with({ByteIndex(0), ByteIndex(size_.value())});
  if (clipped.empty()) return {};
  const BlockIndex begin =
      block_at(ByteIndex(round_up(clipped.begin.value(), block_.bytes().value())));
  // The short last block is whole when the run reaches the device's end.
  const BlockIndex end =
      clipped.end.value() == size_.value() ? BlockIndex(count().value()) : block_at(clipped.end);
  if (end <= begin) return {begin, begin};
  return {begin, end};
}

}  // namespace ebb
