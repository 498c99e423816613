// SPDX-License-Identifier: Apache-2.0
// stage_measure.h - how many bytes a second each stage does, on one thread or on many.
//
// A stage works on blocks that come from memory, not from a cache: it walks over a whole sample.
// Each thread has its own state and its own place in the sample, as workers do. Only the thread
// that asked looks at the clock.
#pragma once

#include <string>
#include <vector>

#include "engine/measure/figure.h"
#include "engine/measure/sample.h"
#include "engine/stage/backend.h"
#include "engine/stage/compress.h"

namespace ebb {

enum class Stage : std::uint8_t {
  zero_test,  // Of blocks that are zero.
  fingerprint,
  seal,
  open,
  compress,
  decompress,
  checksum,  // CRC-64
  parity,    // Reed-Solomon, as a pack is summed up while it is written.
};
std::string_view name_of(Stage stage);

struct StageChoice {
  Stage stage = Stage::zero_test;
  CryptoBackend backend = CryptoBackend::openssl;  // Of fingerprint, seal, open.
  Compression compression;                         // Of compress, decompress.
  bool operator==(const StageChoice&) const = default;
  // What distinguishes it from others of the same stage: "ipsec-mb", "zstd:3", or nothing.
  std::string variant() const;
};
// Each stage with each of its backends that run here; packing by lz4, zstd:1 and zstd:3.
std::vector<StageChoice> all_stages();

struct StageFigure {
  StageChoice choice;
  unsigned threads = 1;
  Figure figure;     // Bytes are plain ones; operations are blocks.
  double ratio = 0;  // Plain bytes to packed ones; compress on one thread only, else 0.
};

// Absent when nothing of the sample can be worked on (no block of it packs).
Result<StageFigure> measure_stage(const MeasureWorld& world, const StageChoice& choice,
                                  const Sample& sample, unsigned threads);

}  // namespace ebb
