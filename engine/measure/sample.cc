// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/sample.h"

#include "engine/measure/made_content.h"
#include "engine/stage/zero.h"

namespace ebb {

namespace {

constexpr ByteCount block = limits::default_block_size;
constexpr std::uint64_t most_looks = 16;  // For each piece that is wanted.

void cut_into_blocks(Sample& sample) {
  for (std::size_t at = 0; at < sample.memory.size(); at += block.size()) {
    sample.blocks.push_back(Bytes(sample.memory).subspan(at, block.size()));
  }
}

}  // namespace

Sample made_sample(ByteCount size, std::uint64_t seed) {
  Sample sample;
  sample.memory.resize(std::max(round_up(size, block), block).size());
  MadeContent(seed).fill_with_mix(sample.memory);
  cut_into_blocks(sample);
  return sample;
}

Result<Sample> sample_of(BlockDevice& device, Loop& loop, ByteCount size) {
  constexpr ByteCount piece = limits::batch_size;
  const std::uint64_t pieces = device.shape().size.value() / piece.value();
  const std::uint64_t wanted = round_up(size, piece).value() / piece.value();
  ByteVector read(piece.size());
  Sample sample;
  sample.memory.reserve(wanted * piece.size());
  // Every so-manieth piece, then those beside them, until there is enough; a device that is nearly
  // all zeroes is not read to its end for that.
  const std::uint64_t step = std::max<std::uint64_t>(1, pieces / wanted);
  std::uint64_t looks = wanted * most_looks;
  for (std::uint64_t first = 0; first < step; ++first) {
    for (std::uint64_t i = first; i < pieces && sample.size() < size && looks > 0; i += step) {
      --looks;
      const ByteIndex at(i * piece.value());
      TRY(during(read_and_wait(loop, device, at, read), "reading a sample at {}", at.value()));
      for (std::size_t n = 0; n < read.size() && sample.size() < size; n += block.size()) {
        const Bytes one = Bytes(read).subspan(n, block.size());
        if (!is_zero(one)) append(sample.memory, one);
      }
    }
  }
  if (sample.memory.empty()) return fail(Error::absent("the device holds nothing but zeroes"));
  cut_into_blocks(sample);
  return sample;
}

}  // namespace ebb
