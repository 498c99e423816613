// SPDX-License-Identifier: Apache-2.0
// A map that somebody hostile made: reading and walking it end, stay inside of the map, and
// agree about whether it is sound. Any bytes as one page, too.
//
// Input: four bytes of the map's size in blocks, then pages of 8 bytes, children first: kind,
// level, then three pairs of a position and of which page before lies there. The last page is the
// root.
#include <cstring>
#include <map>

#include "devmap/core/check.h"
#include "engine/repo/map_reader.h"

namespace {

using namespace ebb;

class PlantedPages final : public PageSource {
 public:
  Result<ByteVector> page(const PageDigest& digest) override {
    const auto found = pages.find(digest);
    if (found == pages.end()) return fail(Error::absent("no such page"));
    return found->second;
  }
  std::map<PageDigest, ByteVector> pages;
};

void try_page(Bytes bytes) {
  const auto page = unpack_page(digest_of_page(bytes), bytes);
  if (!page) return;
  const ByteVector again = pack_page(*page);
  EBB_CHECK(again.size() <= bytes.size() && bytes.size() <= max_page_bytes, "a page grows");
  EBB_CHECK(unpack_page(digest_of_page(again), again), "a page does not read its own bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try_page(std::as_bytes(std::span(data, size)));
  constexpr std::size_t page_size = 8;
  if (size < 4 || size > 4 + 40 * page_size) return 0;
  Le32 blocks;
  std::memcpy(&blocks, data, sizeof blocks);
  PlantedPages pages;
  std::vector<PageDigest> planted{PageDigest{}};
  for (std::size_t at = 4; at + page_size <= size; at += page_size) {
    Page page;
    page.kind = static_cast<PageKind>(1 + data[at] % 3);
    page.level = data[at + 1];
    for (std::size_t i = 2; i < page_size; i += 2) {
      const std::uint8_t position = data[at + i];
      const PageDigest& child = planted[data[at + i + 1] % planted.size()];
      page.entries[position % page_fan_out] = child.bytes;
      if (page.kind == PageKind::segment && position >= 128) {
        const auto next =
            static_cast<std::uint16_t>(page.overrides.empty() ? 0 : page.overrides.back().position);
        page.overrides.push_back({static_cast<std::uint16_t>(next + position), {child.bytes}});
      }
    }
    const ByteVector bytes = pack_page(page);
    planted.push_back(digest_of_page(bytes));
    pages.pages[planted.back()] = bytes;
  }

  const MapRoot root{planted.back(), BlockCount(blocks.value())};
  std::size_t visited = 0;
  bool damaged = false;
  const auto walked = walk_pages(
      pages, root,
      [&](const PageDigest&, const Page&) -> Result<void> {
        if (++visited > 300) return fail(Error::busy("large enough"));
        return {};
      },
      [&](const PageDigest&, BlockRun, const Error&) { damaged = true; });
  MapReader reader(pages, root);
  const std::uint64_t segments = segment_count(root.blocks);
  const std::uint64_t looked_at = std::min<std::uint64_t>(segments, 4);
  bool refused = false;
  for (std::uint64_t i = 0; i < looked_at; ++i) {
    refused |= !reader.segment(i).has_value();
  }
  (void)reader.segment(segments);
  (void)reader.at(BlockIndex(blocks.value()));
  // A walk looks at every page and a reader, here, at some; but what stops a reader in the middle
  // of a map, a walk names. (Blocks past the end of the last segment only a reader sees.)
  if (walked && refused && !damaged) {
    MapReader last(pages, root);
    for (std::uint64_t i = 0; i < looked_at && i + 1 < segments; ++i) {
      EBB_CHECK(last.segment(i).has_value(), "a walk calls sound what a reader refuses");
    }
  }
  return 0;
}
