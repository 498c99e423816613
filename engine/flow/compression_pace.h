// SPDX-License-Identifier: Apache-2.0
// compression_pace.h - how hard a run compresses: harder while its sink is what it waits for, less
// hard while its workers are, as it is while the device is.
//
// A step at a time, when two looks in a row say the same. What a point holds does not depend on it,
// only how many bytes are stored.
#pragma once

#include <array>

#include "devmap/core/units.h"
#include "engine/stage/compress.h"

namespace ebb {

class CompressionPace {
 public:
  enum class WaitsFor { device, workers, sink };

  // With `adapts`, `wish` is only how it begins.
  CompressionPace(const Compression& wish, bool adapts);

  bool adapts() const { return adapts_; }
  Compression now() const { return now_; }
  void waited(WaitsFor what, double seconds) { waited_[static_cast<unsigned>(what)] += seconds; }
  // So many bytes were given to workers to be compressed.
  void given(ByteCount plain);

 private:
  static constexpr ByteCount look_every{32ull << 20};
  int step_wanted() const;

  bool adapts_;
  Compression now_;
  ByteCount given_;  // Since the last look.
  std::array<double, 3> waited_{};
  int wanted_before_ = 0;
};

}  // namespace ebb
