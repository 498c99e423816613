// SPDX-License-Identifier: Apache-2.0
// map_test.cc - the map tree as a whole, held against a plain vector of fingerprints.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "engine/repo/map_reader.h"
#include "engine/repo/map_writer.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

class PageStore final : public PageSource, public PageSink {
 public:
  Result<ByteVector> page(const PageDigest& digest) override {
    ++reads;
    const auto found = pages.find(digest);
    if (found == pages.end()) return fail(Error::absent("no page {}", digest.hex()));
    return found->second;
  }
  Result<void> keep(const PageDigest& digest, Bytes bytes) override {
    EXPECT_EQ(digest, digest_of_page(bytes));
    const auto parsed = unpack_page(digest, bytes);
    EXPECT_TRUE(parsed) << parsed.error().text();
    EXPECT_LE(bytes.size(), max_page_bytes);
    if (parsed && parsed->kind != PageKind::leaf) {
      for (std::uint64_t i = 0; i < page_fan_out; ++i) {
        EXPECT_TRUE(parsed->child(i).is_zero() || pages.contains(parsed->child(i)))
            << "a page is kept before its child";
      }
    }
    if (pages.emplace(digest, copy_of(bytes)).second) kept_bytes += bytes.size();
    return {};
  }
  // A page as somebody hostile would make it; returns its name.
  PageDigest plant(const Page& page) {
    const ByteVector bytes = pack_page(page);
    pages[digest_of_page(bytes)] = bytes;
    return digest_of_page(bytes);
  }

  std::map<PageDigest, ByteVector> pages;
  std::uint64_t kept_bytes = 0;
  std::uint64_t reads = 0;
};

using Model = std::vector<Fingerprint>;

SegmentEntries segment_of(const Model& model, std::uint64_t segment) {
  SegmentEntries entries(blocks_in_segment);
  for (std::uint64_t i = 0; i < blocks_in_segment; ++i) {
    const std::uint64_t block = segment * blocks_in_segment + i;
    if (block < model.size()) entries[i] = model[block];
  }
  return entries;
}

// Writes the map of `now` over that of `before`; segments in which nothing changed are not fed.
MapRoot write_map(PageStore& store, const std::optional<MapRoot>& base, const Model& before,
                  const Model& now) {
  std::optional<MapReader> reader;
  if (base) reader.emplace(store, *base);
  MapWriter writer(store, store, reader ? &*reader : nullptr, BlockCount(now.size()));
  for (std::uint64_t s = 0; s < segment_count(BlockCount(now.size())); ++s) {
    const SegmentEntries entries = segment_of(now, s);
    const bool same = entries == segment_of(before, s);
    const auto put = same ? writer.put_unchanged() : writer.put(entries);
    EXPECT_TRUE(put) << put.error().text();
  }
  const auto root = writer.finish();
  EXPECT_TRUE(root);
  return *root;
}

// The same, told only what changed wherever that is enough.
MapRoot write_changes(PageStore& store, const MapRoot& base, const Model& before,
                      const Model& now) {
  MapReader reader(store, base);
  MapWriter writer(store, store, &reader, BlockCount(now.size()));
  for (std::uint64_t s = 0; s < segment_count(BlockCount(now.size())); ++s) {
    const SegmentEntries entries = segment_of(now, s);
    const SegmentEntries then = segment_of(before, s);
    std::vector<Override> changes;
    for (std::uint16_t i = 0; i < blocks_in_segment; ++i) {
      if (entries[i] != then[i]) changes.push_back({i, entries[i]});
    }
    const auto enough = writer.put_changes(changes);
    EXPECT_TRUE(enough) << enough.error().text();
    if (enough && !*enough) {
      EXPECT_TRUE(writer.put(entries));
    }
  }
  return *writer.finish();
}

void expect_map_is(PageStore& store, const MapRoot& root, const Model& model) {
  ASSERT_EQ(root.blocks.value(), model.size());
  MapReader reader(store, root);
  for (std::uint64_t s = 0; s < segment_count(root.blocks); ++s) {
    const auto entries = reader.segment(s);
    ASSERT_TRUE(entries) << entries.error().text();
    ASSERT_EQ(**entries, segment_of(model, s)) << "segment " << s;
  }
}

// Every page that a reader needs is visited, and no damage is seen in a sound map.
void expect_walk_is_sound(PageStore& store, const MapRoot& root) {
  std::set<PageDigest> visited;
  const auto walked = walk_pages(
      store, root,
      [&](const PageDigest& digest, const Page&) -> Result<void> {
        visited.insert(digest);
        return {};
      },
      [&](const PageDigest& digest, BlockRun, const Error& error) {
        ADD_FAILURE() << digest.hex() << ": " << error.text();
      });
  ASSERT_TRUE(walked);
  PageStore only_visited;
  for (const PageDigest& digest : visited) only_visited.pages[digest] = store.pages[digest];
  MapReader reader(only_visited, root);
  for (std::uint64_t s = 0; s < segment_count(root.blocks); ++s) {
    const auto entries = reader.segment(s);
    ASSERT_TRUE(entries) << entries.error().text();
  }
}

void change_some(Random& random, Model& model) {
  const auto change = [&](std::uint64_t block) {
    model[block] = random.below(4) == 0 ? Fingerprint{} : random.name<Fingerprint>();
  };
  switch (random.below(7)) {
    case 0: {  // Grows, by less than a block of pages or by many; new blocks are zero or not.
      const std::uint64_t before = model.size();
      model.resize(before + random.below(random.below(2) == 0 ? 100 : 30'000));
      if (random.below(2) == 0) {
        for (std::uint64_t i = before; i < model.size(); ++i) change(i);
      }
      break;
    }
    case 1:  // Shrinks.
      model.resize(model.size() - random.below(std::min<std::uint64_t>(
                                      model.size() + 1, random.below(2) == 0 ? 100 : 30'000)));
      break;
    case 2:  // A dense run.
      if (model.empty()) break;
      for (std::uint64_t i = random.below(model.size()), n = random.below(9000);
           i < model.size() && n > 0; ++i, --n) {
        change(i);
      }
      break;
    case 3:  // A run becomes zero.
      if (model.empty()) break;
      for (std::uint64_t i = random.below(model.size()), n = random.below(20'000);
           i < model.size() && n > 0; ++i, --n) {
        model[i] = {};
      }
      break;
    default:  // Scattered.
      if (model.empty()) break;
      for (std::uint64_t n = random.below(1 + model.size() / (1 + random.below(200))); n > 0; --n) {
        change(random.below(model.size()));
      }
  }
}

TEST(Map, AnySequenceOfChangesReadsBackAsItWasInEveryGeneration) {
  const auto random = test::test_random();
  for (int run = 0; run < 4; ++run) {
    PageStore store;
    Model model(random->below(40'000));
    std::optional<MapRoot> root;
    std::vector<std::pair<MapRoot, Model>> generations;
    for (int generation = 0; generation < 25; ++generation) {
      const Model before = root ? model : Model{};
      const std::optional<MapRoot> base = root;
      change_some(*random, model);
      root = write_map(store, root, before, model);
      if (base) {
        EXPECT_EQ(write_changes(store, *base, before, model), *root);
      }
      generations.emplace_back(*root, model);
      expect_map_is(store, *root, model);
      expect_walk_is_sound(store, *root);
      if (testing::Test::HasFailure()) FAIL() << "run " << run << ", generation " << generation;
    }
    for (const auto& [old_root, old_model] : generations) expect_map_is(store, old_root, old_model);
  }
}

TEST(Map, ChangesMakeThePagesThatWholeSegmentsWouldMake) {
  const auto random = test::test_random();
  PageStore store;
  Model model(3 * blocks_in_segment + 100);
  for (Fingerprint& f : model)
    f = random->below(9) == 0 ? Fingerprint{} : random->name<Fingerprint>();
  const Model first = model;
  MapRoot root = write_map(store, std::nullopt, {}, model);
  for (int generation = 0; generation < 60; ++generation) {
    const Model before = model;
    // Now and then back to what the leaf says, which needs no override any more.
    for (std::uint64_t n = random->below(40); n > 0; --n) {
      const std::uint64_t block = random->below(model.size());
      model[block] = random->below(3) == 0 ? first[block] : random->name<Fingerprint>();
    }
    const MapRoot base = root;
    root = write_map(store, base, before, model);
    ASSERT_EQ(write_changes(store, base, before, model), root) << generation;
    expect_map_is(store, root, model);
  }
}

TEST(Map, ALookAtOneBlockReadsItsLeafAndNoOther) {
  const auto random = test::test_random();
  PageStore store;
  Model model(100 * blocks_in_segment);
  for (Fingerprint& f : model) f = random->name<Fingerprint>();
  const MapRoot root = write_map(store, std::nullopt, {}, model);
  for (int i = 0; i < 50; ++i) {
    MapReader reader(store, root);
    const std::uint64_t block = random->below(model.size());
    store.reads = 0;
    EXPECT_EQ(reader.at(BlockIndex(block)).value(), model[block]);
    EXPECT_EQ(store.reads, node_levels(root.blocks) + 2);  // Nodes, segment, leaf.
  }
  // One block changed in each segment: its leaf is read, and no other.
  MapReader reader(store, root);
  MapWriter writer(store, store, &reader, root.blocks);
  store.reads = 0;
  const std::uint64_t bytes = store.kept_bytes;
  for (std::uint64_t s = 0; s < 100; ++s) {
    const Override change{static_cast<std::uint16_t>(random->below(blocks_in_segment)),
                          random->name<Fingerprint>()};
    model[s * blocks_in_segment + change.position] = change.fingerprint;
    EXPECT_TRUE(writer.put_changes(std::span(&change, 1)).value());
  }
  const MapRoot changed = *writer.finish();
  EXPECT_LT(store.reads, 100 * 4u);
  EXPECT_LT(store.kept_bytes - bytes, 100 * 2200u + 3 * max_page_bytes);
  expect_map_is(store, changed, model);
}

TEST(Map, AMapOfThreeLevelsReadsBack) {
  const auto random = test::test_random();
  PageStore store;
  Model model(blocks_in_segment * (page_fan_out * page_fan_out + 3) / 16);
  ASSERT_EQ(node_levels(BlockCount(model.size())), 2u);
  for (int i = 0; i < 3000; ++i) model[random->below(model.size())] = random->name<Fingerprint>();
  model.back() = random->name<Fingerprint>();
  expect_map_is(store, write_map(store, std::nullopt, {}, model), model);
}

TEST(Map, EveryPlaceOfALargeMapIsFoundAgain) {
  const auto random = test::test_random();
  PageStore store;
  const BlockCount blocks(blocks_in_segment * page_fan_out * page_fan_out * 2);  // 3 levels.
  ASSERT_EQ(node_levels(blocks), 3u);
  std::map<std::uint64_t, Fingerprint> model;
  for (int i = 0; i < 50; ++i) model[random->below(blocks.value())] = random->name<Fingerprint>();
  MapWriter writer(store, store, nullptr, blocks);
  for (std::uint64_t s = 0; s < segment_count(blocks); ++s) {
    SegmentEntries entries(blocks_in_segment);
    const auto first = model.lower_bound(s * blocks_in_segment);
    const auto last = model.lower_bound((s + 1) * blocks_in_segment);
    if (first == last) {
      ASSERT_TRUE(writer.put_unchanged());
      continue;
    }
    for (auto at = first; at != last; ++at) entries[at->first % blocks_in_segment] = at->second;
    ASSERT_TRUE(writer.put(entries));
  }
  const auto root = writer.finish();
  ASSERT_TRUE(root);
  MapReader reader(store, *root);
  for (const auto& [block, fingerprint] : model) {
    const auto found = reader.at(BlockIndex(block));
    ASSERT_TRUE(found) << found.error().text();
    EXPECT_EQ(*found, fingerprint);
  }
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t block = random->below(blocks.value());
    EXPECT_EQ(reader.at(BlockIndex(block))->is_zero(), !model.contains(block));
  }
}

TEST(Map, SixtyFourTebibytesOfZeroBlocksCostNothing) {
  PageStore store;
  const BlockCount blocks(limits::max_device_size.value() / limits::min_block_size.value());
  MapWriter writer(store, store, nullptr, blocks);
  for (std::uint64_t s = 0; s < segment_count(blocks); ++s) ASSERT_TRUE(writer.put_unchanged());
  const auto root = writer.finish();
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->page.is_zero());
  EXPECT_TRUE(store.pages.empty());
  MapReader reader(store, *root);
  EXPECT_TRUE(reader.at(BlockIndex(blocks.value() - 1))->is_zero());
  EXPECT_EQ(store.reads, 0u);
}

TEST(Map, WhatDidNotChangeIsNotWrittenAgain) {
  const auto random = test::test_random();
  PageStore store;
  Model model(100'000);
  for (Fingerprint& f : model) f = random->name<Fingerprint>();
  const MapRoot first = write_map(store, std::nullopt, {}, model);
  const std::uint64_t bytes = store.kept_bytes;
  const MapRoot again = write_map(store, first, model, model);
  EXPECT_EQ(again, first);
  EXPECT_EQ(store.kept_bytes, bytes);
  // Fed although nothing changed: the same.
  MapReader reader(store, first);
  MapWriter writer(store, store, &reader, first.blocks);
  for (std::uint64_t s = 0; s < segment_count(first.blocks); ++s) {
    ASSERT_TRUE(writer.put(segment_of(model, s)));
  }
  EXPECT_EQ(*writer.finish(), first);
  EXPECT_EQ(store.kept_bytes, bytes);
}

TEST(Map, OnePercentOfScatteredChangesCostsFewBytesEach) {
  const auto random = test::test_random();
  PageStore store;
  Model model((1 << 30) / 4096);  // 1 GiB in blocks of 4 KiB.
  for (Fingerprint& f : model) f = random->name<Fingerprint>();
  MapRoot root = write_map(store, std::nullopt, {}, model);
  std::uint64_t first = 0;
  std::uint64_t most = 0;
  for (int generation = 1; generation <= 8; ++generation) {
    const Model before = model;
    const std::uint64_t bytes = store.kept_bytes;
    std::set<std::uint64_t> changed;
    while (changed.size() < model.size() / 100) changed.insert(random->below(model.size()));
    for (const std::uint64_t block : changed) model[block] = random->name<Fingerprint>();
    root = write_map(store, root, before, model);
    const std::uint64_t cost = (store.kept_bytes - bytes) / changed.size();
    if (generation == 1) first = cost;
    most = std::max(most, cost);
    std::printf("generation %d: %llu bytes of map for each of %zu changed blocks\n", generation,
                static_cast<unsigned long long>(cost), changed.size());
  }
  RecordProperty("bytes_of_map_per_changed_block", static_cast<int>(most));
  EXPECT_LE(first, 4096u / 20);
  EXPECT_LE(most, 4096u / 6);
  expect_map_is(store, root, model);
}

TEST(Map, AShorterMapOverALongerBaseEndsWhereItsDeviceEnds) {
  const auto random = test::test_random();
  PageStore store;
  Model model(10'000);
  for (Fingerprint& f : model) f = random->name<Fingerprint>();
  const MapRoot base = write_map(store, std::nullopt, {}, model);
  MapReader reader(store, base);
  model.resize(9'000);
  MapWriter writer(store, store, &reader, BlockCount(model.size()));
  for (int s = 0; s < 3; ++s) ASSERT_TRUE(writer.put_unchanged());
  const auto root = writer.finish();
  ASSERT_TRUE(root);
  expect_map_is(store, *root, model);
}

// ---- Maps that somebody hostile made. ----

Page node(unsigned level, const PageDigest& child) {
  Page page;
  page.kind = PageKind::node;
  page.level = static_cast<std::uint8_t>(level);
  page.entries[0] = child.bytes;
  return page;
}
Page leaf_of(const Fingerprint& fingerprint) {
  Page page;
  page.entries[0] = fingerprint.bytes;
  return page;
}
Page segment_over(const PageDigest& leaf) {
  Page page;
  page.kind = PageKind::segment;
  page.entries[0] = leaf.bytes;
  return page;
}

struct Seen {
  int visited = 0;
  int damaged = 0;
};
Seen walk(PageStore& store, const MapRoot& root) {
  Seen seen;
  const auto walked = walk_pages(
      store, root,
      [&](const PageDigest&, const Page&) -> Result<void> {
        ++seen.visited;
        return {};
      },
      [&](const PageDigest&, BlockRun run, const Error&) {
        EXPECT_LE(run.end.value(), std::max(root.blocks.value(), run.begin.value()));
        ++seen.damaged;
      });
  EXPECT_TRUE(walked);
  return seen;
}
bool reads_whole(PageStore& store, const MapRoot& root) {
  MapReader reader(store, root);
  for (std::uint64_t s = 0; s < std::min<std::uint64_t>(segment_count(root.blocks), 200); ++s) {
    if (!reader.segment(s)) return false;
  }
  return true;
}

// What a reader refuses a walk names as damage, and the other way round.
void expect_refused(PageStore& store, const MapRoot& root) {
  EXPECT_FALSE(reads_whole(store, root));
  EXPECT_GT(walk(store, root).damaged, 0);
}

TEST(MapHostile, ATreeThatLiesAboutItsLevelsIsDamaged) {
  const auto random = test::test_random();
  PageStore store;
  const BlockCount two_levels(blocks_in_segment * page_fan_out * 2);
  const PageDigest leaf = store.plant(leaf_of(random->name<Fingerprint>()));
  const PageDigest segment = store.plant(segment_over(leaf));
  const PageDigest good = store.plant(node(2, store.plant(node(1, segment))));
  EXPECT_TRUE(reads_whole(store, {good, two_levels}));
  EXPECT_EQ(walk(store, {good, two_levels}).damaged, 0);
  for (const auto& [outer, inner] :
       std::vector<std::pair<unsigned, unsigned>>{{1, 1}, {2, 2}, {3, 1}, {2, 255}, {255, 254}}) {
    SCOPED_TRACE(testing::Message() << outer << " over " << inner);
    expect_refused(store,
                   {store.plant(node(outer, store.plant(node(inner, segment)))), two_levels});
  }
  // Pages of one kind where another belongs.
  expect_refused(store, {segment, two_levels});
  expect_refused(store, {leaf, two_levels});
  expect_refused(store, {store.plant(node(2, segment)), two_levels});
  expect_refused(store, {store.plant(node(2, store.plant(node(1, leaf)))), two_levels});
  expect_refused(store, {good, BlockCount(1)});
  expect_refused(store, {store.plant(segment_over(segment)), BlockCount(1)});
}

TEST(MapHostile, ATreeThatIsDeeperThanItsDeviceEndsInAnError) {
  PageStore store;
  PageDigest page = store.plant(segment_over(store.plant(leaf_of(Fingerprint{{std::byte{1}}}))));
  for (unsigned level = 1; level <= 255; ++level) page = store.plant(node(level, page));
  for (const std::uint64_t blocks :
       {std::uint64_t{1}, blocks_in_segment * 100, blocks_in_segment * 100'000}) {
    expect_refused(store, {page, BlockCount(blocks)});
  }
}

// A source may give any bytes: a page under a name that is not its own would close a loop.
TEST(MapHostile, ALoopEndsInAnError) {
  PageStore store;
  Page self = node(2, PageDigest{{std::byte{7}}});
  store.pages[PageDigest{{std::byte{7}}}] = pack_page(self);
  expect_refused(store, {PageDigest{{std::byte{7}}}, BlockCount(blocks_in_segment * 5000)});
}

TEST(MapHostile, BlocksPastTheEndAreDamage) {
  PageStore store;
  const Fingerprint some{{std::byte{1}}};
  const PageDigest segment = store.plant(segment_over(store.plant(leaf_of(some))));
  Page root = node(1, segment);
  root.entries[1] = segment.bytes;
  root.entries[2] = segment.bytes;
  const PageDigest digest = store.plant(root);
  EXPECT_TRUE(reads_whole(store, {digest, BlockCount(2 * blocks_in_segment + 1)}));
  EXPECT_EQ(walk(store, {digest, BlockCount(2 * blocks_in_segment + 1)}).damaged, 0);
  EXPECT_EQ(walk(store, {digest, BlockCount(2 * blocks_in_segment)}).damaged, 1);

  Page last_entry;
  last_entry.entries[63] = some.bytes;
  const PageDigest over = store.plant(segment_over(store.plant(last_entry)));
  EXPECT_FALSE(reads_whole(store, {over, BlockCount(63)}));
  EXPECT_TRUE(reads_whole(store, {over, BlockCount(64)}));
}

TEST(MapHostile, AbsentAndFlippedPagesAreNamedWithTheirBlocks) {
  const auto random = test::test_random();
  PageStore store;
  Model model(3 * blocks_in_segment);
  for (Fingerprint& f : model) f = random->name<Fingerprint>();
  const MapRoot root = write_map(store, std::nullopt, {}, model);
  MapReader reader(store, root);
  const PageDigest second = *reader.segment_digest(1);
  const ByteVector bytes = store.pages[second];
  for (int i = 0; i < 100; ++i) {
    ByteVector flipped = bytes;
    flipped[random->below(flipped.size())] ^= static_cast<std::byte>(1 + random->below(255));
    store.pages[second] = flipped;
    std::vector<BlockRun> damaged;
    ASSERT_TRUE(walk_pages(
        store, root, [](const PageDigest&, const Page&) -> Result<void> { return {}; },
        [&](const PageDigest& digest, BlockRun run, const Error& error) {
          EXPECT_EQ(digest, second);
          EXPECT_EQ(error.kind(), ErrorKind::damaged);
          damaged.push_back(run);
        }));
    ASSERT_EQ(damaged.size(), 1u);
    EXPECT_EQ(damaged[0].begin.value(), blocks_in_segment);
    EXPECT_EQ(damaged[0].end.value(), 2 * blocks_in_segment);
    MapReader fresh(store, root);
    EXPECT_TRUE(fresh.segment(0));
    EXPECT_FALSE(fresh.segment(1));
    EXPECT_TRUE(fresh.segment(2)) << "a reader goes on after an error";
  }
}

}  // namespace
}  // namespace ebb
