// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/compression_pace.h"

#include <algorithm>

namespace ebb {

namespace {

// From the fastest to the smallest. Accelerated lz4 is no step: it saves a tenth of the time of a
// full backup, and costs an eighth more bytes (docs/decisions/0023).
constexpr Compression ladder[] = {
    {Codec::lz4, 1}, {Codec::zstd, 1}, {Codec::zstd, 3}, {Codec::zstd, 6}, {Codec::zstd, 9}};
constexpr double most_of_the_time = 0.5;

}  // namespace

CompressionPace::CompressionPace(const Compression& wish, bool adapts)
    : adapts_(adapts), now_(wish) {}

void CompressionPace::given(ByteCount plain) {
  given_ += plain;
  if (!adapts_ || given_ < look_every) return;
  const int wanted = step_wanted();
  if (wanted != 0 && wanted == wanted_before_) {
    const auto at = std::ranges::find(ladder, now_);
    const auto end = std::end(ladder);
    if (wanted > 0 && at != end && at + 1 != end) now_ = *(at + 1);
    if (wanted < 0 && at != end && at != std::begin(ladder)) now_ = *(at - 1);
  }
  wanted_before_ = wanted;
  given_ = ByteCount();
  waited_ = {};
}

int CompressionPace::step_wanted() const {
  const double all = waited_[0] + waited_[1] + waited_[2];
  const auto is_most = [&](WaitsFor what) {
    return waited_[static_cast<unsigned>(what)] > all * most_of_the_time;
  };
  return is_most(WaitsFor::sink) ? 1 : is_most(WaitsFor::workers) ? -1 : 0;
}

}  // namespace ebb
