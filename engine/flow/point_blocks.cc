// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/point_blocks.h"

#include <algorithm>

namespace ebb {

namespace {

constexpr ByteCount window_bytes = 1_GiB;
constexpr std::uint64_t max_window_blocks = 262144;

// The world's damage is data here; a lost repository is an error.
bool is_damage(const Error& error) {
  return error.kind() == ErrorKind::damaged || error.kind() == ErrorKind::absent ||
         error.kind() == ErrorKind::invalid;
}

// A block that an override names is known, whatever became of the page below it.
std::vector<Damage> without_known(const std::vector<Damage>& damages,
                                  const std::vector<std::optional<Fingerprint>>& entries,
                                  BlockIndex first) {
  std::vector<Damage> rest;
  for (const Damage& damage : damages) {
    bool goes_on = false;
    for (BlockIndex at = damage.blocks.begin; at < damage.blocks.end; at += BlockCount(1)) {
      const bool known = entries[(at - first).size()].has_value();
      if (!known && goes_on) rest.back().blocks.end = at + BlockCount(1);
      if (!known && !goes_on) {
        rest.push_back({damage.what, damage.place, BlockRun::of(at, BlockCount(1))});
      }
      goes_on = !known;
    }
  }
  return rest;
}

}  // namespace

PointBlocks::PointBlocks(ExtentSource& source, const Point& point)
    : grid_(point.grid), source_(source), pages_(source), map_(pages_, point.root()) {}

BlockCount PointBlocks::window_size() const {
  return BlockCount(std::min(max_window_blocks, window_bytes.value() >> grid_.block().shift()));
}

// Fills entries_ with the segment; a page that cannot be read takes only its own blocks with it.
Result<void> PointBlocks::load(std::uint64_t segment) {
  if (loaded_ == segment) return {};
  loaded_.reset();
  load_damages_.clear();
  entries_.assign(blocks_in_segment, Fingerprint{});
  const BlockIndex first(segment * blocks_in_segment);
  const auto damaged = [&](std::uint64_t at, std::uint64_t count, const Error& error) {
    const BlockRun run{first + BlockCount(at),
                       std::min(first + BlockCount(at + count), grid_.all().end)};
    if (run.empty()) return;
    load_damages_.push_back({"the map: " + error.text(), std::nullopt, run});
    std::fill_n(entries_.begin() + static_cast<std::ptrdiff_t>(at), count, std::nullopt);
  };
  auto page = map_.segment_page(segment);
  if (!page) {
    if (!is_damage(page.error())) return fail(page.error());
    damaged(0, blocks_in_segment, page.error());
  } else if (*page) {
    for (std::uint64_t leaf = 0; leaf < page_fan_out; ++leaf) {
      const PageDigest digest = (*page)->child(leaf);
      if (digest.is_zero()) continue;
      const auto bytes = pages_.page(digest);
      const auto leaf_page =
          bytes ? unpack_page(digest, *bytes) : Result<Page>(fail(bytes.error()));
      if (!leaf_page) {
        if (!is_damage(leaf_page.error())) return fail(leaf_page.error());
        damaged(leaf * page_fan_out, page_fan_out, leaf_page.error());
        continue;
      }
      for (std::uint64_t i = 0; i < page_fan_out; ++i) {
        entries_[leaf * page_fan_out + i] = leaf_page->fingerprint(i);
      }
    }
    for (const Override& o : (*page)->overrides) entries_[o.position] = o.fingerprint;
    load_damages_ = without_known(load_damages_, entries_, first);
  }
  loaded_ = segment;
  return {};
}

Result<std::vector<std::optional<Fingerprint>>> PointBlocks::prints(BlockRun run,
                                                                    std::vector<Damage>& damages) {
  std::vector<std::optional<Fingerprint>> all;
  all.reserve(run.length().size());
  for (BlockIndex at = run.begin; at < run.end;) {
    const std::uint64_t segment = at.value() / blocks_in_segment;
    TRY(load(segment));
    const BlockIndex segment_end((segment + 1) * blocks_in_segment);
    const BlockRun part{at, std::min(run.end, segment_end)};
    for (const Damage& damage : load_damages_) {
      const BlockRun shared = damage.blocks.shared_with(part);
      if (!shared.empty()) damages.push_back({damage.what, damage.place, shared});
    }
    for (; at < part.end; at += BlockCount(1)) {
      all.push_back(entries_[at.value() % blocks_in_segment]);
    }
  }
  return all;
}

Result<bool> PointBlocks::is_zero(BlockRun run) {
  const std::uint64_t last = (run.end.value() + blocks_in_segment - 1) / blocks_in_segment;
  for (std::uint64_t s = run.begin.value() / blocks_in_segment; s < last; ++s) {
    const auto digest = map_.segment_digest(s);
    if (!digest && !is_damage(digest.error())) return fail(digest.error());
    if (!digest || !digest->is_zero()) return false;
  }
  return true;
}

Result<BlockWindow> PointBlocks::window(BlockRun run,
                                        const std::function<bool(BlockIndex)>& wanted) {
  BlockWindow window;
  window.run = run;
  std::vector<Damage> damages;
  window.prints = TRY(prints(run, damages));
  for (const Damage& damage : damages) {
    for (BlockIndex at = damage.blocks.begin; at < damage.blocks.end; at += BlockCount(1)) {
      if (!wanted(at)) continue;
      window.damages.push_back({damage.what, damage.place, BlockRun::of(at, BlockCount(1))});
    }
  }
  std::vector<Fingerprint> names;
  std::vector<BlockIndex> blocks;
  for (std::size_t i = 0; i < window.prints.size(); ++i) {
    auto& print = window.prints[i];
    const BlockIndex block = run.begin + BlockCount(i);
    if (print && !wanted(block)) print.reset();
    if (!print) continue;
    if (!print->is_zero()) {
      names.push_back(*print);
      blocks.push_back(block);
    } else if (!window.zeroes.empty() && window.zeroes.back().end == block) {
      window.zeroes.back().end = block + BlockCount(1);
    } else {
      window.zeroes.push_back(BlockRun::of(block, BlockCount(1)));
    }
  }
  std::vector<std::optional<RecordPlace>> places(names.size());
  TRY(source_.locate(names, places));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (places[i]) {
      window.wanted.push_back({*places[i], names[i], blocks[i]});
    } else {
      window.damages.push_back(
          {"it is not in the repository", std::nullopt, BlockRun::of(blocks[i], BlockCount(1))});
    }
  }
  std::ranges::sort(window.wanted, [](const WantedRecord& a, const WantedRecord& b) {
    return std::tie(a.place, a.block) < std::tie(b.place, b.block);
  });
  return window;
}

}  // namespace ebb
