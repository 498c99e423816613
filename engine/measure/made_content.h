// SPDX-License-Identifier: Apache-2.0
// made_content.h - content made up for measuring: it compresses about as real files do.
//
// The same seed gives the same bytes on every machine, and no two blocks are alike. Of the mix a
// fifth is noise (media, archives, encrypted files), two fifths are like text (words, phrases that
// come again, numbers) and two fifths like programs (few instructions, many operands, tables). Its
// ratios were set by those of a Debian system's files: lz4 1.9, zstd:1 2.2 in blocks of 64 KiB.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "devmap/core/random.h"
#include "devmap/core/units.h"

namespace ebb {

class MadeContent {
 public:
  explicit MadeContent(std::uint64_t seed);

  void fill_with_noise(MutableBytes room);
  void fill_with_text(MutableBytes room);
  void fill_with_program(MutableBytes room);
  // The mix, in pieces of this size, as files lie on a disk.
  static constexpr ByteCount piece = 256_KiB;
  void fill_with_mix(MutableBytes room);

 private:
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound) { return (next() >> 32) * bound >> 32; }

  std::uint64_t state_;
  std::vector<std::string> words_;
  std::vector<std::string> instructions_;
};

}  // namespace ebb
