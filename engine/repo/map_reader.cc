// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/map_reader.h"

#include <algorithm>

namespace ebb {

Result<Page> fetch_page(PageSource& pages, const PageDigest& digest, PageKind kind,
                        unsigned level) {
  const ByteVector bytes = TRY(pages.page(digest));
  Page page = TRY(unpack_page(digest, bytes));
  if (page.kind != kind || page.level != level) {
    return fail(
        Error::damaged("map page {} is of another kind or level than its place", digest.hex()));
  }
  return page;
}

Result<const Page*> MapReader::cached(std::size_t depth, unsigned level, const PageDigest& digest) {
  if (path_.size() <= depth) path_.resize(depth + 1);
  auto& slot = path_[depth];
  if (!slot || slot->digest != digest) {
    slot.reset();
    slot = CachedPage{digest, TRY(fetch_page(pages_, digest, PageKind::node, level))};
  }
  return &slot->page;
}

Result<PageDigest> MapReader::segment_digest(std::uint64_t segment) {
  if (segment >= segment_count(root_.blocks)) return PageDigest{};
  const unsigned levels = node_levels(root_.blocks);
  PageDigest digest = root_.page;
  for (unsigned level = levels; level > 0 && !digest.is_zero(); --level) {
    const Page* node = TRY(cached(levels - level, level, digest));
    std::uint64_t below = 1;
    for (unsigned i = 1; i < level; ++i) below *= page_fan_out;
    digest = node->child(segment / below % page_fan_out);
  }
  return digest;
}

Result<std::optional<Page>> MapReader::segment_page(std::uint64_t segment) {
  const PageDigest digest = TRY(segment_digest(segment));
  if (digest.is_zero()) return std::nullopt;
  return std::optional<Page>(TRY(fetch_page(pages_, digest, PageKind::segment, 0)));
}

Result<SegmentEntries> entries_of(PageSource& pages, const Page& segment) {
  SegmentEntries entries(blocks_in_segment);
  for (std::uint64_t i = 0; i < page_fan_out; ++i) {
    if (segment.child(i).is_zero()) continue;
    const Page leaf = TRY(fetch_page(pages, segment.child(i), PageKind::leaf, 0));
    for (std::uint64_t j = 0; j < page_fan_out; ++j) {
      entries[i * page_fan_out + j] = leaf.fingerprint(j);
    }
  }
  for (const Override& o : segment.overrides) entries[o.position] = o.fingerprint;
  return entries;
}

Result<void> MapReader::open(std::uint64_t segment) {
  if (segment_ == segment) return {};
  segment_.reset();
  page_ = TRY(segment_page(segment)).value_or(Page());
  loaded_ = {};
  entries_.resize(blocks_in_segment);
  segment_ = segment;
  return {};
}

Result<void> MapReader::load(std::uint64_t leaf) {
  if (loaded_[leaf]) return {};
  const std::uint64_t first = leaf * page_fan_out;
  const auto entries = std::span(entries_).subspan(first, page_fan_out);
  std::ranges::fill(entries, Fingerprint{});
  if (!page_.child(leaf).is_zero()) {
    const Page page = TRY(fetch_page(pages_, page_.child(leaf), PageKind::leaf, 0));
    for (std::uint64_t i = 0; i < page_fan_out; ++i) entries[i] = page.fingerprint(i);
  }
  for (const Override& o : page_.overrides) {
    if (o.position / page_fan_out == leaf) entries_[o.position] = o.fingerprint;
  }
  // What lies past the end of the map is nobody's block.
  const std::uint64_t first_block = *segment_ * blocks_in_segment + first;
  for (std::uint64_t i = 0; i < page_fan_out; ++i) {
    if (first_block + i >= root_.blocks.value() && !entries[i].is_zero()) {
      return fail(Error::damaged("the map names blocks past the device's end"));
    }
  }
  loaded_[leaf] = true;
  return {};
}

Result<const SegmentEntries*> MapReader::segment(std::uint64_t segment) {
  TRY(open(segment));
  for (std::uint64_t leaf = 0; leaf < page_fan_out; ++leaf) TRY(load(leaf));
  return &entries_;
}

Result<Fingerprint> MapReader::at(BlockIndex block) {
  if (block.value() >= root_.blocks.value()) return Fingerprint{};
  const std::uint64_t segment = block.value() / blocks_in_segment;
  const std::uint64_t in_segment = block.value() % blocks_in_segment;
  if (segment_ != segment || !loaded_[in_segment / page_fan_out]) {
    TRY(open(segment));
    TRY(load(in_segment / page_fan_out));
  }
  return entries_[in_segment];
}

Result<Fingerprint> MapReader::in_leaf(BlockIndex block) {
  const std::uint64_t in_segment = block.value() % blocks_in_segment;
  TRY(open(block.value() / blocks_in_segment));
  const PageDigest leaf = page_.child(in_segment / page_fan_out);
  if (leaf.is_zero()) return Fingerprint{};
  const Page page = TRY(fetch_page(pages_, leaf, PageKind::leaf, 0));
  return page.fingerprint(in_segment % page_fan_out);
}

namespace {

struct Walk {
  PageSource& pages;
  BlockCount blocks;
  const std::function<Result<void>(const PageDigest&, const Page&)>& visit;
  const std::function<void(const PageDigest&, BlockRun, const Error&)>& damaged;

  Result<void> descend(const PageDigest& digest, PageKind kind, unsigned level,
                       std::uint64_t first_block, std::uint64_t blocks_below) {
    if (digest.is_zero()) return {};
    auto page = fetch_page(pages, digest, kind, level);
    if (page && kind == PageKind::node && names_past_the_end(*page, first_block, blocks_below)) {
      page = fail(Error::damaged("the map names blocks past the device's end"));
    }
    if (!page) {
      const std::uint64_t end = std::min(first_block + blocks_below, blocks.value());
      damaged(digest, BlockRun{BlockIndex(first_block), BlockIndex(std::max(first_block, end))},
              page.error());
      return {};
    }
    TRY(visit(digest, *page));
    if (kind == PageKind::leaf) return {};
    const PageKind below = kind == PageKind::segment ? PageKind::leaf
                           : level == 1              ? PageKind::segment
                                                     : PageKind::node;
    for (std::uint64_t i = 0; i < page_fan_out; ++i) {
      TRY(descend(page->child(i), below, level == 0 ? 0 : level - 1,
                  first_block + i * (blocks_below / page_fan_out), blocks_below / page_fan_out));
    }
    return {};
  }

  // Of a node only: the leaves of a segment may, where its overrides take that back.
  bool names_past_the_end(const Page& node, std::uint64_t first_block,
                          std::uint64_t blocks_below) const {
    const std::uint64_t each = blocks_below / page_fan_out;
    for (std::uint64_t i = 0; i < page_fan_out; ++i) {
      if (first_block + i * each >= blocks.value() && !node.child(i).is_zero()) return true;
    }
    return false;
  }
};

}  // namespace

Result<void> walk_pages(
    PageSource& pages, const MapRoot& root,
    const std::function<Result<void>(const PageDigest&, const Page&)>& visit,
    const std::function<void(const PageDigest&, BlockRun, const Error&)>& damaged) {
  const unsigned levels = node_levels(root.blocks);
  std::uint64_t below = blocks_in_segment;
  for (unsigned i = 0; i < levels; ++i) below *= page_fan_out;
  Walk walk{pages, root.blocks, visit, damaged};
  return walk.descend(root.page, levels == 0 ? PageKind::segment : PageKind::node, levels, 0,
                      below);
}

}  // namespace ebb
