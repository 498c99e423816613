// SPDX-License-Identifier: Apache-2.0
// map_writer.h - makes the map of a new point from that of its base and the blocks that changed.
//
// Fed segment by segment in order. What did not change keeps its page; a segment with few changes
// overrides them, one with many rewrites the leaves that hold most. Pages are handed to a PageSink
// children first, each before any page that names it.
#pragma once

#include "engine/repo/map_reader.h"

namespace ebb {

class PageSink {
 public:
  virtual ~PageSink() = default;
  // Keeps the page if it is not known yet.
  virtual Result<void> keep(const PageDigest& digest, Bytes bytes) = 0;
};

class MapWriter {
 public:
  // `base` may be null: all blocks of the base are zero then.
  MapWriter(PageSink& sink, PageSource& pages, MapReader* base, BlockCount blocks);

  // The next segment has these entries (4096; zero past the map's end).
  Result<void> put(const SegmentEntries& entries);
  // The next segment is as in the base but for these blocks, by their positions. False, and nothing
  // is done, where all of its entries are needed to write it.
  Result<bool> put_changes(std::span<const Override> changes);
  // The next segment is as in the base, up to this map's end.
  Result<void> put_unchanged();
  // The next segment has only zero blocks.
  Result<void> put_zero();
  // After the last segment: the root.
  Result<MapRoot> finish();

 private:
  Result<PageDigest> keep(const Page& page);
  struct BaseSegment {
    Page page;  // Without overrides.
    SegmentEntries leaves;
  };
  Result<BaseSegment> base_segment();
  Result<PageDigest> make_segment(const SegmentEntries& entries);
  Result<void> add(std::size_t level, PageDigest digest);

  PageSink& sink_;
  PageSource& pages_;
  MapReader* base_;
  BlockCount blocks_;
  std::uint64_t segment_ = 0;
  // One open node for each level above the segments, and how many children it has.
  struct OpenNode {
    Page page;
    std::uint64_t children = 0;
  };
  std::vector<OpenNode> open_;
  PageDigest root_;
};

}  // namespace ebb
