// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/map_writer.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace ebb {

namespace {

// A segment that overrides more blocks than its page may has its fullest leaves rewritten until it
// may. As many as the page may, because each rewritten leaf then clears more of them: with 1 % of
// all blocks changed at random from point to point, 530 bytes of map a changed block against 690
// with half as many (tests/engine/repo/map_test.cc prints it).
constexpr std::size_t overrides_kept = max_overrides;
// A leaf of which more blocks differ is rewritten in any case: its overrides would be written again
// with every change of the segment, and soon cost more.
constexpr std::size_t overrides_in_leaf = page_fan_out / 2;

// A base that is damaged costs space, not the run.
bool can_do_without(const Error& error) {
  return error.kind() == ErrorKind::damaged || error.kind() == ErrorKind::absent;
}

}  // namespace

MapWriter::MapWriter(PageSink& sink, PageSource& pages, MapReader* base, BlockCount blocks)
    : sink_(sink), pages_(pages), base_(base), blocks_(blocks), open_(node_levels(blocks)) {}

Result<PageDigest> MapWriter::keep(const Page& page) {
  if (page.is_zero()) return PageDigest{};
  const ByteVector bytes = pack_page(page);
  const PageDigest digest = digest_of_page(bytes);
  TRY(sink_.keep(digest, bytes));
  return digest;
}

// The base's segment and what its leaves say, where all of them can be read; an empty one where
// there is none. What cannot be read of the base is written anew.
Result<MapWriter::BaseSegment> MapWriter::base_segment() {
  BaseSegment empty{{}, SegmentEntries(blocks_in_segment)};
  empty.page.kind = PageKind::segment;
  if (base_ == nullptr) return empty;
  auto page = base_->segment_page(segment_);
  if (!page && can_do_without(page.error())) return empty;
  std::optional<Page> segment = TRY(std::move(page));
  if (!segment) return empty;
  segment->overrides.clear();
  auto leaves = entries_of(pages_, *segment);
  if (!leaves && can_do_without(leaves.error())) return empty;
  return BaseSegment{*std::move(segment), TRY(std::move(leaves))};
}

Result<PageDigest> MapWriter::make_segment(const SegmentEntries& entries) {
  BaseSegment base = TRY(base_segment());
  Page& segment = base.page;
  const SegmentEntries& leaves = base.leaves;

  // Where each leaf of the base differs from what it should say.
  std::array<std::vector<std::uint16_t>, page_fan_out> differing;
  std::size_t overrides = 0;
  for (std::uint64_t i = 0; i < blocks_in_segment; ++i) {
    if (entries[i] == leaves[i]) continue;
    differing[i / page_fan_out].push_back(static_cast<std::uint16_t>(i));
    ++overrides;
  }
  std::array<std::uint64_t, page_fan_out> fullest_first{};
  std::iota(fullest_first.begin(), fullest_first.end(), 0);
  std::ranges::stable_sort(fullest_first, std::greater{},
                           [&](std::uint64_t leaf) { return differing[leaf].size(); });
  for (const std::uint64_t leaf : fullest_first) {
    if (overrides <= overrides_kept && differing[leaf].size() <= overrides_in_leaf) break;
    Page page;
    page.kind = PageKind::leaf;
    for (std::uint64_t j = 0; j < page_fan_out; ++j) {
      page.entries[j] = entries[leaf * page_fan_out + j].bytes;
    }
    segment.entries[leaf] = TRY(keep(page)).bytes;
    overrides -= differing[leaf].size();
    differing[leaf].clear();
  }
  for (const auto& positions : differing) {
    for (const std::uint16_t position : positions) {
      segment.overrides.push_back({position, entries[position]});
    }
  }
  return keep(segment);
}

Result<void> MapWriter::put(const SegmentEntries& entries) {
  EBB_CHECK(entries.size() == blocks_in_segment, "a segment has 4096 entries");
  if (base_ != nullptr && segment_ < segment_count(base_->root().blocks)) {
    const auto before = base_->segment(segment_);
    if (!before && !can_do_without(before.error())) return fail(before.error());
    if (before && **before == entries) return put_unchanged();
  }
  const PageDigest digest = TRY(make_segment(entries));
  ++segment_;
  return add(0, digest);
}

// The base's page with some overrides more, or fewer: its leaves stay, and need not be read. The
// page is the one that put() would make.
Result<bool> MapWriter::put_changes(std::span<const Override> changes) {
  if (changes.empty()) {
    TRY(put_unchanged());
    return true;
  }
  if (base_ == nullptr || base_->root().blocks != blocks_) return false;
  auto page = base_->segment_page(segment_);
  if (!page && can_do_without(page.error())) return false;
  const std::optional<Page> before = TRY(std::move(page));
  if (!before) return false;
  std::map<std::uint16_t, Fingerprint> overrides;
  for (const Override& o : before->overrides) overrides[o.position] = o.fingerprint;
  for (const Override& change : changes) {
    auto before_it = base_->in_leaf(BlockIndex(segment_ * blocks_in_segment + change.position));
    if (!before_it && can_do_without(before_it.error())) return false;
    if (TRY(std::move(before_it)) == change.fingerprint) {
      overrides.erase(change.position);
    } else {
      overrides[change.position] = change.fingerprint;
    }
  }
  std::array<std::size_t, page_fan_out> in_leaf{};
  for (const auto& [position, print] : overrides) ++in_leaf[position / page_fan_out];
  if (overrides.size() > overrides_kept || *std::ranges::max_element(in_leaf) > overrides_in_leaf) {
    return false;
  }
  Page segment = *before;
  segment.overrides.clear();
  for (const auto& [position, print] : overrides) segment.overrides.push_back({position, print});
  const PageDigest digest = TRY(keep(segment));
  ++segment_;
  TRY(add(0, digest));
  return true;
}

Result<void> MapWriter::put_zero() {
  ++segment_;
  return add(0, PageDigest{});
}

Result<void> MapWriter::put_unchanged() {
  if (base_ != nullptr && base_->root().blocks > blocks_ &&
      (segment_ + 1) * blocks_in_segment > blocks_.value()) {
    // The base goes on past this map's end, in the middle of this segment.
    SegmentEntries entries = *TRY(base_->segment(segment_));
    const auto end = entries.begin() +
                     static_cast<std::ptrdiff_t>(blocks_.value() - segment_ * blocks_in_segment);
    if (std::any_of(end, entries.end(), [](const Fingerprint& f) { return !f.is_zero(); })) {
      std::fill(end, entries.end(), Fingerprint{});
      return put(entries);
    }
  }
  const PageDigest digest = base_ == nullptr ? PageDigest{} : TRY(base_->segment_digest(segment_));
  ++segment_;
  return add(0, digest);
}

// `digest` is the next child at `level` (0: a segment).
Result<void> MapWriter::add(std::size_t level, PageDigest digest) {
  if (level == open_.size()) {
    root_ = digest;
    return {};
  }
  OpenNode& node = open_[level];
  node.page.kind = PageKind::node;
  node.page.level = static_cast<std::uint8_t>(level + 1);
  node.page.entries[node.children++] = digest.bytes;
  if (node.children < page_fan_out) return {};
  const PageDigest full = TRY(keep(node.page));
  node = OpenNode{};
  return add(level + 1, full);
}

Result<MapRoot> MapWriter::finish() {
  EBB_CHECK(segment_ == segment_count(blocks_), "a map ends after its last segment");
  for (std::size_t level = 0; level < open_.size(); ++level) {
    if (open_[level].children == 0) continue;
    const PageDigest digest = TRY(keep(open_[level].page));
    open_[level] = OpenNode{};
    TRY(add(level + 1, digest));
  }
  return MapRoot{root_, blocks_};
}

}  // namespace ebb
