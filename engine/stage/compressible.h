// SPDX-License-Identifier: Apache-2.0
// compressible.h - a quick look at whether packing a block could pay.
//
// Media files, archives and encrypted file systems fill whole devices. A codec gives up fast on
// noise, but takes its full time over blocks that have just a few repeats in them, for next to
// nothing. The look errs towards trying: a block wrongly tried costs microseconds, one wrongly
// skipped costs space for as long as it is kept.
#pragma once

#include <cstdint>
#include <vector>

#include "devmap/core/bytes.h"

namespace ebb {

// Holds LZ4's working memory; used by one thread.
class CompressibleTest {
 public:
  CompressibleTest();

  // False when bytes from all over the block are as evenly spread as random ones, and a quarter of
  // it (at most 128 KiB), taken from several places together, has next to no repeats. Always true
  // for blocks shorter than smallest_looked_at: trying them is as cheap as looking.
  bool may_compress(Bytes block);

  static constexpr std::size_t smallest_looked_at = 32 * 1024;

 private:
  bool repeats(Bytes block);

  std::vector<std::uint64_t> lz4_state_;
  ByteVector sample_;
  ByteVector packed_;
};

}  // namespace ebb
