// SPDX-License-Identifier: Apache-2.0
// The table of a thick snapshot: what broke other readers, each a test, and every refusal.
#include "devmap/source/dm_snapshot_cow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <set>
#include <utility>

#include "tests/support/cow_store.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::CowStore;
using ::testing::HasSubstr;

constexpr ByteCount chunk = 4_KiB;  // 256 entries an area.
constexpr ByteCount origin = 64_MiB;

// All that the walk gives, or its refusal.
Result<std::vector<ByteRun>> walk(ByteSource& source, ByteCount size = origin) {
  DmSnapshotCow table = TRY(DmSnapshotCow::open(source, size));
  std::vector<ByteRun> runs;
  while (const auto run = TRY(table.next())) runs.push_back(*run);
  return runs;
}

Result<std::vector<ByteRun>> walk(const CowStore& store, ByteCount size = origin) {
  MemorySource source(store.bytes);
  return walk(source, size);
}

void expect_refused(const Result<std::vector<ByteRun>>& result, ErrorKind kind,
                    const std::string& text) {
  ASSERT_FALSE(result) << "nothing was refused";
  EXPECT_EQ(result.error().kind(), kind) << result.error().text();
  EXPECT_THAT(result.error().text(), HasSubstr(text));
}

ByteRun chunks(std::uint64_t begin, std::uint64_t count, ByteCount size = chunk) {
  return ByteRun::of(ByteIndex(begin * size.value()), size * count);
}

CowStore roomy(std::uint64_t entries) {
  return CowStore(chunk, CowStore::chunks_for(chunk, entries));
}

TEST(DmSnapshotCow, ANewSnapshotHasNoChanges) {
  const auto runs = walk(roomy(0));
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_TRUE(runs->empty());
}

class ManyExceptions : public ::testing::TestWithParam<std::uint64_t> {};

// Every other chunk, so that each entry is a run of its own.
TEST_P(ManyExceptions, AreAllFoundWhereAreasEnd) {
  CowStore store = roomy(GetParam());
  for (std::uint64_t i = 0; i < GetParam(); ++i) store.save(2 * i);
  const auto runs = walk(store);
  ASSERT_TRUE(runs) << runs.error().text();
  ASSERT_EQ(runs->size(), GetParam());
  for (std::uint64_t i = 0; i < GetParam(); ++i) EXPECT_EQ((*runs)[i], chunks(2 * i, 1));
}

INSTANTIATE_TEST_SUITE_P(AroundAreas, ManyExceptions,
                         ::testing::Values(1, 255, 256, 257, 511, 512, 513, 768, 5000));

TEST(DmSnapshotCow, ALastAreaThatIsExactlyFullHasAnEmptyOneAfterIt) {
  CowStore store = roomy(256);
  for (std::uint64_t i = 0; i < 256; ++i) store.save(i);
  // The data of the area, and what follows the empty one, are no entries.
  std::fill(store.bytes.begin() + 2 * 4096, store.bytes.begin() + 258 * 4096, std::byte{0xff});
  std::fill(store.bytes.begin() + 259 * 4096, store.bytes.end(), std::byte{0xff});
  const auto runs = walk(store);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ::testing::ElementsAre(chunks(0, 256)));
}

TEST(DmSnapshotCow, ATableThatFillsItsLastAreaAndHasNoNextOneIsRefused) {
  CowStore store = roomy(256);
  for (std::uint64_t i = 0; i < 256; ++i) store.save(i);
  // The store ends with the area's data, or within what would be the next area.
  for (const std::size_t end : {258u * 4096u, 258u * 4096u + 512u}) {
    store.bytes.resize(end);
    expect_refused(walk(store), ErrorKind::damaged, "no end");
  }
}

TEST(DmSnapshotCow, OldDataOfZeroesAndTheFirstChunkAreChangesToo) {
  CowStore store = roomy(2);
  store.save(0);  // The entry's first half is zero, and so is all data in this store.
  store.save(7);
  const auto runs = walk(store);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ::testing::ElementsAre(chunks(0, 1), chunks(7, 1)));
}

TEST(DmSnapshotCow, EntriesThatFollowEachOtherAreOneRunAlsoOverAreas) {
  CowStore store = roomy(300);
  for (std::uint64_t i = 0; i < 300; ++i) store.save(100 + i);
  store.save(99);
  const auto runs = walk(store);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ::testing::ElementsAre(chunks(100, 300), chunks(99, 1)));
}

TEST(DmSnapshotCow, TheFirstEmptyEntryEndsTheTable) {
  CowStore store = roomy(10);
  store.save(1);
  store.set_entry(2, 5, 4);
  const auto runs = walk(store);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ::testing::ElementsAre(chunks(1, 1)));
}

TEST(DmSnapshotCow, TheLastChunkIsClippedToTheOrigin) {
  CowStore store = roomy(2);
  store.save(2);
  const ByteCount size = chunk * 2 + 512_B;
  const auto runs = walk(store, size);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ::testing::ElementsAre(ByteRun::of(ByteIndex(8192), 512_B)));
}

TEST(DmSnapshotCow, ChunksMayBeOneSectorOrMuchLargerThanWhatIsReadAtOnce) {
  for (const ByteCount size : {512_B, 16_KiB, 128_KiB, 512_KiB}) {
    const std::uint64_t in_area = size.value() / 16;
    const std::uint64_t entries = size >= 128_KiB ? 20 : in_area + 1;
    CowStore store(size, size >= 128_KiB ? 40 : CowStore::chunks_for(size, entries));
    for (std::uint64_t i = 0; i < entries; ++i) store.save(3 * i);
    const auto runs = walk(store, size * 3 * entries);
    ASSERT_TRUE(runs) << size.value() << ": " << runs.error().text();
    ASSERT_EQ(runs->size(), entries);
    EXPECT_EQ(runs->back(), chunks(3 * (entries - 1), 1, size));
  }
}

// 8192 entries an area: two reads for each.
TEST(DmSnapshotCow, AnAreaLargerThanOneReadIsReadToItsEnd) {
  const ByteCount size = 128_KiB;
  CowStore store(size, 2);
  for (std::uint64_t i = 0; i < 8191; ++i) store.set_entry(i, 2 * i, 2);
  store.bytes.resize(std::size_t{128} * 1024 * 3);
  const auto runs = walk(store, size * 20000);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_EQ(runs->size(), 8191u);
}

TEST(DmSnapshotCow, AnOverflowedSnapshotIsRefusedAsLost) {
  CowStore store = roomy(1);
  CowHeaderOnDisk header = store.header();
  header.valid = Le32(0);
  store.set_header(header);
  expect_refused(walk(store), ErrorKind::lost, "overflowed");
}

TEST(DmSnapshotCow, AnotherVersionIsRefusedBeforeAnythingElseIsBelieved) {
  CowStore store = roomy(1);
  CowHeaderOnDisk header = store.header();
  header.version = Le32(2);
  header.valid = Le32(0);
  store.set_header(header);
  expect_refused(walk(store), ErrorKind::invalid, "version 2");
}

TEST(DmSnapshotCow, WhatIsNoStoreIsRefused) {
  CowStore store = roomy(1);
  CowHeaderOnDisk header = store.header();
  header.magic = Le32(0);
  store.set_header(header);
  expect_refused(walk(store), ErrorKind::damaged, "no store");
  header.magic = Le32(cow_magic);
  header.valid = Le32(2);
  store.set_header(header);
  expect_refused(walk(store), ErrorKind::damaged, "valid");
  store.bytes.resize(100);
  EXPECT_FALSE(walk(store));
}

TEST(DmSnapshotCow, ImpossibleChunkSizesAreRefused) {
  CowStore store = roomy(1);
  CowHeaderOnDisk header = store.header();
  for (const std::uint32_t sectors : {0u, 3u, 24u, 0x80000000u, 0xffffffffu}) {
    header.chunk_sectors = Le32(sectors);
    store.set_header(header);
    expect_refused(walk(store), ErrorKind::damaged, "are not possible");
  }
}

TEST(DmSnapshotCow, AChunkLargerThanTheStoreIsRefused) {
  CowStore store = roomy(1);
  CowHeaderOnDisk header = store.header();
  for (const std::uint32_t sectors : {2048u, 4096u, 0x200000u}) {
    header.chunk_sectors = Le32(sectors);
    store.set_header(header);
    expect_refused(walk(store), ErrorKind::damaged, "no room for a table");
  }
}

TEST(DmSnapshotCow, AnEntryBeyondTheOriginIsRefused) {
  CowStore store = roomy(2);
  store.save(3);
  store.save(4);
  expect_refused(walk(store, chunk * 4), ErrorKind::damaged, "chunk 4, the origin has 4");
  store.set_entry(1, ~0ull, 3);
  expect_refused(walk(store), ErrorKind::damaged, "of chunk 18446744073709551615");
}

TEST(DmSnapshotCow, AnEntryThatWasSavedBeyondTheStoreIsRefused) {
  CowStore store = roomy(1);
  for (const std::uint64_t saved : {store.bytes.size() / 4096, std::size_t{1} << 60}) {
    store.set_entry(0, 1, saved);
    expect_refused(walk(store), ErrorKind::damaged, "past the store's end");
  }
}

TEST(DmSnapshotCow, AnEntryThatWasSavedOverTheTableIsRefused) {
  CowStore store = roomy(300);
  for (const std::uint64_t saved : {1u, 258u}) {
    store.set_entry(0, 1, saved);
    expect_refused(walk(store), ErrorKind::damaged, "which holds entries");
  }
}

TEST(DmSnapshotCow, ATableThatGoesOnAndOnIsRefusedOnceItExceedsTheOrigin) {
  CowStore store = roomy(2000);
  for (std::uint64_t i = 0; i < 2000; ++i) store.save(i % 100);
  expect_refused(walk(store, chunk * 100), ErrorKind::damaged, "more entries than the origin");
}

// Fails for what shares a byte with a run.
class Unreadable final : public ByteSource {
 public:
  Unreadable(Bytes bytes, ByteRun bad) : memory_(bytes), bad_(bad) {}
  ByteCount size() const override { return memory_.size(); }
  Result<void> read(ByteIndex at, MutableBytes room) override {
    if (ByteRun::of(at, ByteCount(room.size())).touches(bad_)) return fail(Error::from_errno(EIO));
    return memory_.read(at, room);
  }

 private:
  MemorySource memory_;
  ByteRun bad_;
};

TEST(DmSnapshotCow, AnAreaThatCannotBeReadIsRefusedAndNeverTakenForTheEnd) {
  CowStore store = roomy(600);
  for (std::uint64_t i = 0; i < 600; ++i) store.save(2 * i);
  Unreadable source(store.bytes, chunks(store.area_chunk(1), 1));
  expect_refused(walk(source), ErrorKind::damaged, "reading area 1");

  auto table = DmSnapshotCow::open(source, origin);
  ASSERT_TRUE(table);
  Result<std::optional<ByteRun>> run = table->next();
  while (run && *run) run = table->next();
  for (int again = 0; again < 3; ++again) EXPECT_FALSE(table->next()) << "a refusal was forgotten";
}

TEST(DmSnapshotCow, ABadEntryIsRefusedAsOftenAsItIsAskedFor) {
  CowStore store = roomy(3);
  store.save(1);
  store.set_entry(1, ~0ull, 3);
  MemorySource source(store.bytes);
  auto table = DmSnapshotCow::open(source, origin);
  ASSERT_TRUE(table);
  for (int again = 0; again < 3; ++again) EXPECT_FALSE(table->next());
}

TEST(DmSnapshotCow, AHeaderThatCannotBeReadIsRefused) {
  const CowStore store = roomy(1);
  Unreadable source(store.bytes, chunks(0, 1));
  expect_refused(walk(source), ErrorKind::damaged, "header");
}

TEST(DmSnapshotCow, SaysExactlyWhatWasSavedInAnyOrder) {
  const auto random = test::test_random();
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint64_t> order(1 + random->below(3000));
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size() - 1; i > 0; --i) {
      // Some runs stay in order.
      if (random->below(4) == 0) std::swap(order[i], order[random->below(i + 1)]);
    }
    order.resize(random->below(order.size() + 1));
    CowStore store = roomy(order.size());
    for (const std::uint64_t number : order) store.save(number);
    const auto runs = walk(store);
    ASSERT_TRUE(runs) << runs.error().text();
    std::multiset<std::uint64_t> found;
    for (const ByteRun& run : *runs) {
      for (std::uint64_t at = run.begin.value(); at < run.end.value(); at += 4096) {
        found.insert(at / 4096);
      }
    }
    EXPECT_EQ(found, std::multiset<std::uint64_t>(order.begin(), order.end()));
  }
}

}  // namespace
}  // namespace ebb
