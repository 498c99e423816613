// SPDX-License-Identifier: Apache-2.0
// compress.h - packing a block when it pays, and unpacking what a repository holds.
//
// Packing is where a backup spends its time, so a block that looks incompressible is not tried.
// Unpacking takes any bytes whatever: it never reads or writes outside its spans, allocates nothing
// by what they say, and accepts only the exact length.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "engine/stage/codec.h"

namespace ebb {

// What to pack with. Levels go as in the programs lz4 and zstd: higher is smaller and slower,
// negative is faster.
//   lz4: -64 to -1 accelerated, 1 and 2 standard, 3 to 12 HC. zstd: -64 to -1, 1 to 19.
struct Compression {
  Codec codec = Codec::lz4;
  int level = 1;  // 0 for none.

  // "none", "lz4", "zstd:3"; a codec without a level has level 1, for speed.
  static Result<Compression> parse(std::string_view text);
  std::string text() const;
  bool operator==(const Compression&) const = default;
};

// Holds the codecs' working memory; one a worker.
class Compressor {
 public:
  explicit Compressor(Compression compression);  // As parse() gives it.
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;
  ~Compressor();

  Compression compression() const;
  // The packed bytes at the start of `room`, and how many; nullopt when packing does not save about
  // 3 %: then the block is stored plain. Room as long as `plain` is always enough.
  std::optional<std::size_t> compress(Bytes plain, MutableBytes room);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Decompressor {
 public:
  Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;
  ~Decompressor();

  // Fills `plain`, whose length is what the record says. `damaged` when `packed` is not that many
  // bytes packed by `codec`; then `plain` may hold anything.
  Result<void> decompress(Codec codec, Bytes packed, MutableBytes plain);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ebb
