// SPDX-License-Identifier: Apache-2.0
// map_reader.h - looks up the blocks of a recovery point in its map tree.
//
// Made for walking in order: it keeps the path to the last segment and what it read of that
// segment, so a walk reads every page once and holds some 200 KiB. Of a single block it reads the
// leaf that the block is in, and no other.
#pragma once

#include <functional>
#include <optional>

#include "devmap/geometry.h"
#include "engine/repo/page.h"

namespace ebb {

// Gives the bytes of the page with this digest; absent or damaged when they cannot be had.
class PageSource {
 public:
  virtual ~PageSource() = default;
  virtual Result<ByteVector> page(const PageDigest& digest) = 0;
};

// The page with this digest; damaged when it is of another kind or level than its place. Leaves and
// segments have level 0.
Result<Page> fetch_page(PageSource& pages, const PageDigest& digest, PageKind kind, unsigned level);

// The root of a map and how many blocks it maps. A zero root: all blocks are zero.
struct MapRoot {
  PageDigest page;
  BlockCount blocks;
  bool operator==(const MapRoot&) const = default;
};

class MapReader {
 public:
  MapReader(PageSource& pages, MapRoot root) : pages_(pages), root_(root) {}

  const MapRoot& root() const { return root_; }
  // The digest of segment `segment`'s page; zero when all its blocks are zero.
  Result<PageDigest> segment_digest(std::uint64_t segment);
  // The segment's own page, if it has one: children and overrides.
  Result<std::optional<Page>> segment_page(std::uint64_t segment);
  // All 4096 entries of segment `segment`; those past the map's end are zero. Valid until the next
  // call for another segment.
  Result<const SegmentEntries*> segment(std::uint64_t segment);
  Result<Fingerprint> at(BlockIndex block);
  // What the block's leaf says, whatever the segment's page says over it.
  Result<Fingerprint> in_leaf(BlockIndex block);

 private:
  struct CachedPage {
    PageDigest digest;
    Page page;
  };
  Result<const Page*> cached(std::size_t depth, unsigned level, const PageDigest& digest);
  Result<void> open(std::uint64_t segment);
  Result<void> load(std::uint64_t leaf);
  PageSource& pages_;
  MapRoot root_;
  std::vector<std::optional<CachedPage>> path_;
  std::optional<std::uint64_t> segment_;  // That is open.
  Page page_;                             // Its own; without children where it has none.
  std::array<bool, page_fan_out> loaded_{};
  SegmentEntries entries_;  // Of the leaves that were loaded.
};

// Applies a segment page to its leaves: what the blocks' fingerprints are.
Result<SegmentEntries> entries_of(PageSource& pages, const Page& segment);

// Calls `visit` for every page that the map needs, each once per place, parents first. Stops at the
// first error of `visit`; a page that cannot be had is given as an error to `damaged` and skipped.
Result<void> walk_pages(
    PageSource& pages, const MapRoot& root,
    const std::function<Result<void>(const PageDigest&, const Page&)>& visit,
    const std::function<void(const PageDigest&, BlockRun, const Error&)>& damaged);

}  // namespace ebb
