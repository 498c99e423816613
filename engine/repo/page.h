// SPDX-License-Identifier: Apache-2.0
// page.h - the pages of a block map.
//
// A leaf names 64 blocks by fingerprint, a segment 64 leaves by digest, a node 64 segments or
// nodes. A segment (4096 blocks) may also override single blocks of its leaves, so that a backup
// that changed a few scattered blocks writes one page and not a leaf for each. A page is named by
// the SHA-256 of its bytes; an all-zero name means "all blocks below are zero" and has no page.
// docs/format/map.md is the reference.
#pragma once

#include <array>
#include <vector>

#include "engine/repo/ids.h"

namespace ebb {

inline constexpr std::uint64_t page_fan_out = 64;
inline constexpr std::uint64_t blocks_in_segment = page_fan_out * page_fan_out;
inline constexpr std::uint64_t max_overrides = 128;

enum class PageKind : std::uint8_t { leaf = 1, segment = 2, node = 3 };

struct Override {
  std::uint16_t position = 0;  // Of the block in the segment.
  Fingerprint fingerprint;
};

// Entries are fingerprints in a leaf, digests in the others.
struct Page {
  PageKind kind = PageKind::leaf;
  std::uint8_t level = 0;  // Of a node: 1 above segments, 2 above that, ...
  std::array<std::array<std::byte, 32>, page_fan_out> entries{};
  std::vector<Override> overrides;  // Of a segment; ascending positions.

  PageDigest child(std::uint64_t i) const { return {entries[i]}; }
  Fingerprint fingerprint(std::uint64_t i) const { return {entries[i]}; }
  bool is_zero() const;
};

ByteVector pack_page(const Page& page);
// Checks the bytes against `digest` first; `damaged` when they differ or make no sense.
Result<Page> unpack_page(const PageDigest& digest, Bytes bytes);
PageDigest digest_of_page(Bytes bytes);

inline constexpr std::size_t max_page_bytes = 16 + 32 * page_fan_out + 34 * max_overrides;

// How many levels of nodes stand above the segments of a map of so many blocks.
unsigned node_levels(BlockCount blocks);
inline std::uint64_t segment_count(BlockCount blocks) {
  return (blocks.value() + blocks_in_segment - 1) / blocks_in_segment;
}

// All fingerprints of one segment; zero ones are zero blocks. 128 KiB.
using SegmentEntries = std::vector<Fingerprint>;

}  // namespace ebb
