// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/compress.h"

#include <lz4.h>
#include <lz4hc.h>
#include <zstd.h>

#include <algorithm>
#include <climits>
#include <vector>

#include "devmap/core/check.h"
#include "devmap/core/limits.h"
#include "engine/stage/compressible.h"

namespace ebb {

namespace {

static_assert(limits::max_block_size.value() <= LZ4_MAX_INPUT_SIZE);

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

const char* raw(Bytes bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* raw_room(MutableBytes bytes) {
  return reinterpret_cast<char*>(bytes.data());
}

// From this level on LZ4 has another compressor, with working memory of its own.
bool is_lz4_hc(Compression compression) {
  return compression.codec == Codec::lz4 && compression.level >= LZ4HC_CLEVEL_MIN;
}

std::size_t lz4_state_size(Compression compression) {
  if (compression.codec != Codec::lz4) return 0;
  const int size = is_lz4_hc(compression) ? LZ4_sizeofStateHC() : LZ4_sizeofState();
  return static_cast<std::size_t>(size);
}

// The most that a packed block may have: a thirty-second less, or it is stored plain.
constexpr std::size_t worthwhile(std::size_t plain_size) {
  return plain_size - (plain_size + 31) / 32;
}

}  // namespace

struct Compressor::State {
  explicit State(Compression c)
      : compression(c), lz4(lz4_state_size(c) / sizeof(std::uint64_t) + 1) {
    if (c.codec != Codec::zstd) return;
    zstd.reset(ZSTD_createCCtx());
    EBB_CHECK(zstd, "out of memory");
  }

  // The size of what was packed; 0 when `room` is too small for it.
  std::size_t pack(Bytes plain, MutableBytes room) {
    switch (compression.codec) {
      case Codec::none: return 0;
      case Codec::lz4: return pack_lz4(plain, room);
      case Codec::zstd: return pack_zstd(plain, room);
    }
    EBB_CHECK(false, "no such codec");
  }

  std::size_t pack_lz4(Bytes plain, MutableBytes room) {
    const int size = static_cast<int>(plain.size());
    const int most = static_cast<int>(room.size());
    const int level = compression.level;
    const int packed =
        is_lz4_hc(compression)
            ? LZ4_compress_HC_extStateHC(lz4.data(), raw(plain), raw_room(room), size, most, level)
            : LZ4_compress_fast_extState(lz4.data(), raw(plain), raw_room(room), size, most,
                                         std::max(1, -level));
    return static_cast<std::size_t>(std::max(0, packed));
  }

  std::size_t pack_zstd(Bytes plain, MutableBytes room) {
    const std::size_t packed = ZSTD_compressCCtx(zstd.get(), room.data(), room.size(), plain.data(),
                                                 plain.size(), compression.level);
    return ZSTD_isError(packed) != 0 ? 0 : packed;
  }

  Compression compression;
  CompressibleTest test;
  std::vector<std::uint64_t> lz4;  // Aligned as LZ4 wants it.
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd;
};

Compressor::Compressor(Compression compression) : state_(std::make_unique<State>(compression)) {}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

Compression Compressor::compression() const {
  return state_->compression;
}

std::optional<std::size_t> Compressor::compress(Bytes plain, MutableBytes room) {
  EBB_CHECK(plain.size() <= limits::max_block_size.size(), "a block has no more than 1 MiB");
  const std::size_t most = std::min(room.size(), worthwhile(plain.size()));
  if (state_->compression.codec == Codec::none || most == 0) return std::nullopt;
  if (!state_->test.may_compress(plain)) return std::nullopt;
  const std::size_t packed = state_->pack(plain, room.first(most));
  if (packed == 0) return std::nullopt;
  return packed;
}

struct Decompressor::State {
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd{ZSTD_createDCtx()};

  // Whether `packed` gave exactly `plain`.
  bool unpack(Codec codec, Bytes packed, MutableBytes plain) {
    switch (codec) {
      case Codec::none:
        if (packed.size() != plain.size()) return false;
        std::copy(packed.begin(), packed.end(), plain.begin());
        return true;
      case Codec::lz4: {
        const int size =
            LZ4_decompress_safe(raw(packed), raw_room(plain), static_cast<int>(packed.size()),
                                static_cast<int>(plain.size()));
        return size >= 0 && static_cast<std::size_t>(size) == plain.size();
      }
      case Codec::zstd:
        // An error is a number far above any block's size.
        return ZSTD_decompressDCtx(zstd.get(), plain.data(), plain.size(), packed.data(),
                                   packed.size()) == plain.size();
    }
    return false;  // A number from a repository, not one of ours.
  }
};

Decompressor::Decompressor() : state_(std::make_unique<State>()) {
  EBB_CHECK(state_->zstd, "out of memory");
}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<void> Decompressor::decompress(Codec codec, Bytes packed, MutableBytes plain) {
  // Both counts are int to LZ4.
  if (packed.size() > INT_MAX || plain.size() > INT_MAX || !state_->unpack(codec, packed, plain)) {
    return fail(Error::damaged("{} bytes of codec {} ({}) are not {} bytes packed", packed.size(),
                               static_cast<unsigned>(codec), name_of(codec), plain.size()));
  }
  return {};
}

}  // namespace ebb
