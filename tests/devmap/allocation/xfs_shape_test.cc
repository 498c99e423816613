// SPDX-License-Identifier: Apache-2.0
// Superblocks of XFS: what cannot be, and what is not known here.
#include "devmap/allocation/xfs_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "tests/support/xfs_image.h"

namespace ebb {
namespace {

using test::XfsImage;
using ::testing::HasSubstr;

Result<XfsShape> read(const XfsImage& image) {
  MemorySource source(image.bytes);
  return XfsShape::read(source, image.area());
}

void expect_refused(const Result<XfsShape>& result, ErrorKind kind, const std::string& text) {
  ASSERT_FALSE(result) << "nothing was refused";
  EXPECT_EQ(result.error().kind(), kind) << result.error().text();
  EXPECT_THAT(result.error().text(), HasSubstr(text));
}

class XfsShapes : public testing::TestWithParam<XfsVersion> {
 protected:
  XfsImage image{{.version = GetParam()}};

  template <class Change>
  void change_superblock(const Change& change) {
    XfsSuperblockOnDisk disk = image.superblock();
    change(disk);
    image.set(disk);
    image.seal();
  }
};

INSTANTIATE_TEST_SUITE_P(Versions, XfsShapes, testing::Values(XfsVersion::four, XfsVersion::five),
                         [](const auto& chosen) {
                           return chosen.param == XfsVersion::four ? "Version4" : "Version5";
                         });

TEST_P(XfsShapes, SayWhereThingsLie) {
  const auto shape = read(image);
  ASSERT_TRUE(shape) << shape.error().text();
  EXPECT_EQ(shape->version, GetParam());
  EXPECT_EQ(shape->groups, 2u);
  EXPECT_EQ(shape->usable_blocks(0), (XfsBlockRun{XfsBlockIndex(4), XfsBlockIndex(100)}));
  EXPECT_EQ(shape->usable_blocks(1), (XfsBlockRun{XfsBlockIndex(4), XfsBlockIndex(80)}));
  EXPECT_EQ(shape->place_of(1, {XfsBlockIndex(4), XfsBlockIndex(6)}),
            (ByteRun{ByteIndex(104 * 512), ByteIndex(106 * 512)}));
  EXPECT_EQ(shape->log.bytes, (ByteRun{ByteIndex(4 * 512), ByteIndex(12 * 512)}));
}

TEST_P(XfsShapes, WhoseSizesCannotBeIsDamaged) {
  const std::vector<std::pair<std::string, void (*)(XfsSuperblockOnDisk&)>> changes = {
      {"blocks of 0", [](XfsSuperblockOnDisk& disk) { disk.block_size = Be32(0); }},
      {"blocks of 768", [](XfsSuperblockOnDisk& disk) { disk.block_size = Be32(768); }},
      {"blocks of 1024", [](XfsSuperblockOnDisk& disk) { disk.block_size = Be32(1024); }},
      {"blocks of 512", [](XfsSuperblockOnDisk& disk) { disk.block_log = 77; }},
      {"blocks of 131072",
       [](XfsSuperblockOnDisk& disk) {
         disk.block_size = Be32(131072);
         disk.block_log = 17;
       }},
      {"in sectors of 1024",
       [](XfsSuperblockOnDisk& disk) {
         disk.sector_size = Be16(1024);
         disk.sector_log = 10;
       }},
      {"sectors of 0", [](XfsSuperblockOnDisk& disk) { disk.sector_size = Be16(0); }},
      {"sectors of 513", [](XfsSuperblockOnDisk& disk) { disk.sector_size = Be16(513); }},
      {"sectors of 512", [](XfsSuperblockOnDisk& disk) { disk.sector_log = 10; }},
      {"groups of 0", [](XfsSuperblockOnDisk& disk) { disk.group_blocks = Be32(0); }},
      {"groups of 63", [](XfsSuperblockOnDisk& disk) { disk.group_blocks = Be32(63); }},
      {"groups of 429", [](XfsSuperblockOnDisk& disk) { disk.group_blocks = Be32(0xffffffff); }},
      {"groups of 100", [](XfsSuperblockOnDisk& disk) { disk.group_blocks_log = 8; }},
      {"in 0 groups", [](XfsSuperblockOnDisk& disk) { disk.groups = Be32(0); }},
      {"in 3 groups", [](XfsSuperblockOnDisk& disk) { disk.groups = Be32(3); }},
      {"in 1 groups", [](XfsSuperblockOnDisk& disk) { disk.groups = Be32(1); }},
      {"4294967295 groups", [](XfsSuperblockOnDisk& disk) { disk.groups = Be32(0xffffffff); }},
      {"0 blocks in", [](XfsSuperblockOnDisk& disk) { disk.blocks = Be64(0); }},
      {"blocks in 2", [](XfsSuperblockOnDisk& disk) { disk.blocks = Be64(UINT64_MAX); }},
      {"163 blocks", [](XfsSuperblockOnDisk& disk) { disk.blocks = Be64(163); }},
      {"in 92160 bytes", [](XfsSuperblockOnDisk& disk) { disk.blocks = Be64(181); }},
      {"not finished", [](XfsSuperblockOnDisk& disk) { disk.in_progress = 1; }},
      {"a log of 0", [](XfsSuperblockOnDisk& disk) { disk.log_blocks = Be32(0); }},
      {"a log of 97", [](XfsSuperblockOnDisk& disk) { disk.log_blocks = Be32(97); }},
      {"a log of 429", [](XfsSuperblockOnDisk& disk) { disk.log_blocks = Be32(0xffffffff); }},
      {"at block 3", [](XfsSuperblockOnDisk& disk) { disk.log_start = Be64(3); }},
      {"of group 2", [](XfsSuperblockOnDisk& disk) { disk.log_start = Be64(2 * 128 + 4); }},
      {"a log", [](XfsSuperblockOnDisk& disk) { disk.log_start = Be64(UINT64_MAX); }}};
  for (const auto& [text, change] : changes) {
    SCOPED_TRACE(text);
    image = XfsImage({.version = GetParam()});
    change_superblock(change);
    expect_refused(read(image), ErrorKind::damaged, text);
  }
}

TEST_P(XfsShapes, WithSomethingThatIsNotKnownHereIsInvalid) {
  change_superblock([](auto& disk) { disk.version = Be16(0xb4a3); });
  expect_refused(read(image), ErrorKind::invalid, "versions 4 and 5 are known");
  change_superblock([](auto& disk) { disk.version = Be16(0xb4a6); });
  expect_refused(read(image), ErrorKind::invalid, "versions 4 and 5 are known");
  image = XfsImage({.version = GetParam()});
  change_superblock([](auto& disk) { disk.log_start = Be64(0); });
  expect_refused(read(image), ErrorKind::invalid, "on another device");
  expect_refused(read(image), ErrorKind::invalid, "on another device");
}

TEST_P(XfsShapes, NeedsToBeThere) {
  change_superblock([](auto& disk) { disk.magic = Be32(0x58465343); });
  expect_refused(read(image), ErrorKind::absent, "no XFS");
  MemorySource source(image.bytes);
  for (const std::uint64_t end : {0u, 1u, 511u}) {
    expect_refused(XfsShape::read(source, {ByteIndex(0), ByteIndex(end)}), ErrorKind::absent,
                   "no XFS");
  }
  expect_refused(XfsShape::read(source, {ByteIndex(512), ByteIndex(0)}), ErrorKind::absent,
                 "no XFS");
}

TEST(XfsVersion4, WithFeaturesThatAreNotKnownIsInvalid) {
  for (const std::uint16_t version : std::to_array<std::uint16_t>({0xb6a4, 0x94a4})) {
    XfsImage image({.version = XfsVersion::four});
    XfsSuperblockOnDisk disk = image.superblock();
    disk.version = Be16(version);
    image.set(disk);
    expect_refused(read(image), ErrorKind::invalid, "known");
  }
  XfsImage image({.version = XfsVersion::four});
  XfsSuperblockOnDisk disk = image.superblock();
  disk.features2 = Be32(0x400);
  image.set(disk);
  expect_refused(read(image), ErrorKind::invalid, "not known");
}

TEST(XfsVersion5, WithFeaturesThatAreNotKnownIsInvalid) {
  for (int bit = 0; bit < 32; ++bit) {
    XfsImage image;
    XfsSuperblockOnDisk disk = image.superblock();
    disk.incompatible_features = Be32(1u << bit);
    disk.metadata_uuid = disk.uuid;
    // What only writers must know is none of ours.
    disk.read_only_features = Be32(0xffffffff);
    disk.compatible_features = Be32(0xffffffff);
    image.set(disk);
    image.seal();
    if (bit < 4 || (bit > 4 && bit < 8)) {
      EXPECT_TRUE(read(image)) << bit;
    } else {
      expect_refused(read(image), ErrorKind::invalid, bit == 4 ? "needs a repair" : "not known");
    }
  }
}

}  // namespace
}  // namespace ebb
