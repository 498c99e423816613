// SPDX-License-Identifier: Apache-2.0
// What an XFS that was made by hand says of its free space, and every refusal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "devmap/allocation/xfs_free_space.h"
#include "tests/support/flips.h"
#include "tests/support/xfs_image.h"

namespace ebb {
namespace {

using test::XfsImage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Runs = std::vector<ByteRun>;

Result<Runs> look(ByteSource& source, ByteRun area, XfsLog log = XfsLog::must_be_empty) {
  Runs runs;
  TRY(xfs_free_space(source, area, log, [&](ByteRun run) { runs.push_back(run); }));
  return runs;
}

Result<Runs> look(const XfsImage& image, XfsLog log = XfsLog::must_be_empty) {
  MemorySource source(image.bytes);
  return look(source, image.area(), log);
}

void expect_refused(const Result<Runs>& result, ErrorKind kind, const std::string& text) {
  ASSERT_FALSE(result) << "nothing was refused";
  EXPECT_EQ(result.error().kind(), kind) << result.error().text();
  EXPECT_THAT(result.error().text(), HasSubstr(text));
}

XfsBlockRun blocks(std::uint64_t begin, std::uint64_t end) {
  return {XfsBlockIndex(begin), XfsBlockIndex(end)};
}

// Where blocks lie; group 1 begins at block 100.
ByteRun at(std::uint64_t begin, std::uint64_t end) {
  return {ByteIndex(begin * 512), ByteIndex(end * 512)};
}

// Group 0 has a tree of four levels: leaves 12 to 16, nodes 17 to 19 and 20 to 21, root 22.
XfsImage sound(XfsVersion version = XfsVersion::five) {
  XfsImage image({.version = version});
  image.set_free(0, {blocks(30, 31), blocks(33, 36), blocks(40, 41), blocks(42, 43), blocks(50, 51),
                     blocks(60, 62), blocks(70, 71), blocks(80, 90), blocks(99, 100)});
  image.set_free(1, {blocks(20, 80)});
  return image;
}

// What holds for both versions.
class XfsByHand : public testing::TestWithParam<XfsVersion> {
 protected:
  XfsImage image = sound(GetParam());

  void expect_damaged(const std::string& text) {
    image.seal();
    expect_refused(look(image), ErrorKind::damaged, text);
    // Not only when the log is looked at.
    expect_refused(look(image, XfsLog::was_frozen), ErrorKind::damaged, text);
  }
  // Changes the AGF of group 0, or the head of a block of its tree.
  template <class Change>
  void change_agf(const Change& change) {
    XfsAgfOnDisk disk = image.agf(0);
    change(disk);
    image.set(0, disk);
  }
  template <class Change>
  void change_block(std::uint32_t number, const Change& change) {
    XfsTreeBlockOnDisk disk = image.tree_block(0, number);
    change(disk);
    image.set(0, number, disk);
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, XfsByHand, testing::Values(XfsVersion::four, XfsVersion::five),
                         [](const auto& chosen) {
                           return chosen.param == XfsVersion::four ? "Version4" : "Version5";
                         });

TEST_P(XfsByHand, SaysWhatIsFreeInItsOrder) {
  const auto runs = look(image);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ElementsAre(at(30, 31), at(33, 36), at(40, 41), at(42, 43), at(50, 51),
                                 at(60, 62), at(70, 71), at(80, 90), at(99, 100), at(120, 180)));
}

TEST_P(XfsByHand, MayLieAnywhereOnTheSource) {
  ByteVector bytes(3584, std::byte{0xff});
  append(bytes, image.bytes);
  bytes.resize(bytes.size() + 5000);
  MemorySource source(bytes);
  const auto runs = look(source, {ByteIndex(3584), ByteIndex(bytes.size())});
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_EQ(runs->front(), (ByteRun{ByteIndex(3584 + 30 * 512), ByteIndex(3584 + 31 * 512)}));
}

TEST_P(XfsByHand, ThatIsFullSaysNothing) {
  image = XfsImage({.version = GetParam()});
  const auto runs = look(image);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, IsEmpty());
}

TEST_P(XfsByHand, HasRunsThatAreApartWhenItsRecordsAreNot) {
  image.set_free(0, {blocks(30, 31), blocks(31, 33), blocks(33, 40), blocks(41, 42)});
  const auto runs = look(image);
  ASSERT_TRUE(runs) << runs.error().text();
  EXPECT_THAT(*runs, ElementsAre(at(30, 40), at(41, 42), at(120, 180)));
}

TEST_P(XfsByHand, WithALogThatIsNotEmptyIsBusyUnlessItWasFrozen) {
  image.bytes[image.place(0, XfsImage::log_first) + 512 + 9] = std::byte{0};
  expect_refused(look(image), ErrorKind::busy, "log of the XFS is not empty");
  EXPECT_EQ(look(image, XfsLog::was_frozen).value().size(), 10u);
}

TEST_P(XfsByHand, WhoseSiblingsAreALoopIsDamaged) {
  for (const std::uint32_t to : {12u, 13u, 14u}) {
    image = sound(GetParam());
    change_block(14, [&](auto& disk) { disk.right = Be32(to); });
    expect_damaged("to its left");
    // Even when what is to the left fits.
    change_block(to, [&](auto& disk) { disk.left = Be32(14); });
    image.seal();
    EXPECT_FALSE(look(image));
  }
}

TEST_P(XfsByHand, WhoseTreeIsALoopIsDamaged) {
  image.set_pointer(0, 22, 22);
  expect_damaged("block 22 is of level 3, not 2");
}

TEST_P(XfsByHand, WhoseTreeLeavesItsGroupIsDamaged) {
  for (const std::uint32_t to : {0u, 3u, 100u, 0x7fffffffu, 0xfffffffeu, 0xffffffffu}) {
    image = sound(GetParam());
    image.set_pointer(0, 22, to);
    expect_damaged(fmt::format("block {} of 100", to));
    image = sound(GetParam());
    change_agf([&](auto& disk) { disk.by_block_root = Be32(to); });
    expect_damaged(fmt::format("block {} of 100", to));
    if (to == xfs_no_block) continue;
    image = sound(GetParam());
    change_block(13, [&](auto& disk) { disk.right = Be32(to); });
    expect_damaged(fmt::format("block {} of 100", to));
  }
}

TEST_P(XfsByHand, WithRecordsThatCannotBeIsDamaged) {
  const std::vector<std::pair<XfsFreeRecordOnDisk, std::string>> records = {
      {{Be32(40), Be32(0)}, "0 free blocks at 40"},
      {{Be32(35), Be32(1)}, "between 36 and 100"},
      {{Be32(40), Be32(61)}, "61 free blocks at 40"},
      {{Be32(100), Be32(1)}, "at 100"},
      {{Be32(0), Be32(1)}, "at 0"},
      {{Be32(0xffffffff), Be32(0xffffffff)}, "4294967295 free blocks"},
      {{Be32(40), Be32(0xfffffff0)}, "free blocks at 40"},
      {{Be32(40), Be32(2)}, "the AGF says"}};
  for (const auto& [record, text] : records) {
    image = sound(GetParam());
    image.set_record(0, 13, 0, record);
    expect_damaged(text);
  }
}

TEST_P(XfsByHand, WhoseLogOrHeadersAreFreeIsDamaged) {
  image.set_record(0, 12, 0, {Be32(11), Be32(1)});
  expect_damaged("1 free blocks at 11 are of the log");
  image.set_record(0, 12, 0, {Be32(3), Be32(1)});
  expect_damaged("1 free blocks at 3");
}

TEST_P(XfsByHand, WithMoreRecordsThanABlockHoldsIsDamaged) {
  for (const std::uint32_t number : {12u, 17u, 22u}) {
    for (const std::uint32_t count : {0u, 63u, 0x7fffu, 0xffffu}) {
      image = sound(GetParam());
      change_block(number,
                   [&](auto& disk) { disk.records = Be16(static_cast<std::uint16_t>(count)); });
      expect_damaged(fmt::format("has {} records and room for", count));
    }
  }
}

// A node's room is less than a leaf's.
TEST_P(XfsByHand, WithMoreKeysThanANodeHoldsIsDamaged) {
  for (const std::uint32_t number : {17u, 22u}) {
    image = sound(GetParam());
    change_block(number, [](auto& disk) { disk.records = Be16(50); });
    expect_damaged("has 50 records and room for");
  }
}

TEST_P(XfsByHand, MayHaveFreeBlocksInOtherGroupsWhereTheLogIsInItsOwn) {
  image.set_record(1, 112 - 100, 0, {Be32(5), Be32(7)});
  XfsAgfOnDisk disk = image.agf(1);
  disk.free_blocks = disk.longest = Be32(7);
  image.set(1, disk);
  image.seal();
  EXPECT_EQ(look(image).value().back(), at(105, 112));
}

TEST_P(XfsByHand, WithABlockOfAnotherKindIsDamaged) {
  change_block(13, [](auto& disk) { disk.magic = Be32(0x41425443); });
  expect_damaged("block 13 is not of the tree");
  image = sound(GetParam());
  change_block(17, [](auto& disk) { disk.level = Be16(3); });
  expect_damaged("block 17 is of level 3, not 1");
  image = sound(GetParam());
  change_block(17, [](auto& disk) { disk.left = Be32(12); });
  expect_damaged("block 17 is not the leftmost");
}

TEST_P(XfsByHand, WhoseCountsDoNotFitIsDamaged) {
  change_agf([](auto& disk) { disk.free_blocks = Be32(22); });
  expect_damaged("21 free blocks, at most 10 together; the AGF says 22 and 10");
  image = sound(GetParam());
  change_agf([](auto& disk) { disk.longest = Be32(11); });
  expect_damaged("the AGF says 21 and 11");
  image = sound(GetParam());
  change_block(14, [](auto& disk) { disk.right = Be32(xfs_no_block); });
  expect_damaged("the AGF says");
}

TEST_P(XfsByHand, WithAnAgfThatIsNotItsOwnIsDamaged) {
  const std::map<std::string, void (*)(XfsAgfOnDisk&)> changes = {
      {"no AGF", [](XfsAgfOnDisk& disk) { disk.magic = Be32(0); }},
      {"no AGF is", [](XfsAgfOnDisk& disk) { disk.version = Be32(2); }},
      {"of group 1", [](XfsAgfOnDisk& disk) { disk.group = Be32(1); }},
      {"100 blocks, the AGF says 99", [](XfsAgfOnDisk& disk) { disk.length = Be32(99); }},
      {"with 0 levels", [](XfsAgfOnDisk& disk) { disk.by_block_levels = Be32(0); }},
      {"with 10 levels", [](XfsAgfOnDisk& disk) { disk.by_block_levels = Be32(10); }},
      {"level 3, not 4", [](XfsAgfOnDisk& disk) { disk.by_block_levels = Be32(5); }}};
  for (const auto& [text, change] : changes) {
    image = sound(GetParam());
    change_agf(change);
    expect_damaged(text);
  }
}

TEST_P(XfsByHand, ThatEndsBehindTheSourceIsRefused) {
  for (std::uint64_t size = 0; size < image.bytes.size(); size += 512) {
    MemorySource source(Bytes(image.bytes).first(size));
    EXPECT_FALSE(look(source, {ByteIndex(0), ByteIndex(size)})) << size;
    // Also when the caller was told of more than there is, as far as something is read there.
    EXPECT_TRUE(size > 112 * 512 || !look(source, {ByteIndex(0), ByteIndex(1 << 20)})) << size;
  }
}

// As after "xfs_admin -U": metadata keep the old one, users and the log have the new one.
TEST(XfsVersion5, MayHaveAUuidOfItsOwnForMetadata) {
  XfsImage image = sound();
  XfsSuperblockOnDisk disk = image.superblock();
  disk.metadata_uuid = disk.uuid;
  disk.uuid = {0xaa};
  disk.incompatible_features = Be32(xfs_metadata_uuid_feature);
  image.set(disk);
  image.seal();
  expect_refused(look(image), ErrorKind::busy, "of another file system");
  EXPECT_TRUE(look(image, XfsLog::was_frozen));
  disk.incompatible_features = Be32(0);
  image.set(disk);
  image.seal();
  expect_refused(look(image, XfsLog::was_frozen), ErrorKind::damaged, "AGF is of another");
}

TEST(XfsVersion5, WithABlockThatWasWrittenForAnotherPlaceIsDamaged) {
  const std::vector<void (*)(XfsTreeBlockOnDisk&)> changes = {
      [](XfsTreeBlockOnDisk& disk) { disk.place = Be64(disk.place.value() + 1); },
      [](XfsTreeBlockOnDisk& disk) { disk.group = Be32(1); },
      [](XfsTreeBlockOnDisk& disk) { disk.uuid[0] ^= 1; }};
  for (const auto& change : changes) {
    for (const std::uint32_t number : {12u, 14u, 17u, 22u}) {
      XfsImage image = sound();
      XfsTreeBlockOnDisk disk = image.tree_block(0, number);
      change(disk);
      image.set(0, number, disk);
      image.seal();
      expect_refused(look(image), ErrorKind::damaged, "written for another place");
    }
  }
}

// Every bit of what is read is under some checksum.
TEST(XfsVersion5, WithAFlippedBitInWhatIsReadIsRefused) {
  const auto random = test::test_random();
  XfsImage image = sound();
  for (const std::uint32_t block : {0u, 1u, 12u, 13u, 14u, 15u, 16u, 17u, 20u, 22u, 101u, 112u}) {
    const MutableBytes metadata = MutableBytes(image.bytes).subspan(block * 512, 512);
    const ByteVector before = copy_of(metadata);
    test::for_every_flipped_byte(*random, before, [&](Bytes flipped, std::size_t place) {
      std::copy(flipped.begin(), flipped.end(), metadata.begin());
      const auto result = look(image, XfsLog::was_frozen);
      std::copy(before.begin(), before.end(), metadata.begin());
      ASSERT_FALSE(result) << "byte " << place << " of block " << block;
      // Without the magic it is no XFS; of another version it is not known.
      const bool head = block == 0 && (place < 4 || place == 100 || place == 101);
      ASSERT_TRUE(head || result.error().kind() == ErrorKind::damaged) << result.error().text();
    });
  }
}

// Checksums are right, and the rest is not: nothing breaks, and what is taken is apart and within.
TEST_P(XfsByHand, DoesNotBreakOnRandomBytesWithRightChecksums) {
  const auto random = test::test_random();
  for (int i = 0; i < 4000; ++i) {
    XfsImage other = image;
    const std::uint32_t block =
        std::to_array<std::uint32_t>({0, 1, 12, 13, 17, 22, 101})[random->below(7)];
    const std::size_t place = block * 512 + random->below(random->below(2) == 0 ? 128 : 508);
    random->fill(MutableBytes(other.bytes).subspan(place, 1 + random->below(4)));
    other.seal();
    const auto runs = look(other);
    if (!runs) continue;
    ByteIndex last;
    for (const ByteRun& run : *runs) {
      ASSERT_FALSE(run.empty());
      ASSERT_LT(last, run.begin);
      ASSERT_TRUE(other.area().contains(run));
      last = run.end;
    }
  }
}

}  // namespace
}  // namespace ebb
