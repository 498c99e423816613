// SPDX-License-Identifier: Apache-2.0
// Probing real things: images, loop devices of both sector sizes, partitions, file systems.
#include "devmap/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using test::run_program;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Passport probed(const std::string& path, const ProbeOptions& options = {}) {
  auto passport = probe(path, options);
  EXPECT_TRUE(passport) << (passport ? "" : passport.error().text());
  return passport.value_or(Passport{});
}

TEST(Probe, SaysWhatIsWrong) {
  test::TemporaryFolder folder;
  const auto refusal = [](const std::string& path) { return probe(path).error(); };
  EXPECT_EQ(refusal(folder / "absent").kind(), ErrorKind::absent);
  EXPECT_THAT(refusal(folder / "absent").text(), HasSubstr("probing " + folder / "absent"));
  EXPECT_THAT(refusal(folder.path()).text(), HasSubstr("a folder"));
  EXPECT_THAT(refusal("/dev/null").text(), HasSubstr("neither a block device nor a regular file"));
  test::make_image(folder / "empty", 0_B);
  EXPECT_THAT(refusal(folder / "empty").text(), HasSubstr("empty"));
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(refusal(folder / "fifo").kind(), ErrorKind::invalid);
  test::make_image(folder / "image", 1_MiB);
  EXPECT_FALSE(probe(folder / "image", {.image_sector = ByteCount(1000), .roots = {}}));
}

TEST(Probe, AnImageOfAnySizeIsADevice) {
  test::TemporaryFolder folder;
  test::make_image(folder / "odd", 1_MiB + 1_B);
  std::filesystem::create_symlink("odd", folder / "link");
  const Passport passport = probed(folder / "link");
  EXPECT_EQ(passport.kind, "image");
  EXPECT_EQ(passport.shape.size, 1_MiB + 1_B);
  EXPECT_EQ(passport.shape.logical_sector, 512_B);
  EXPECT_EQ(passport.last_used, ByteIndex((1 << 20) + 1));
  EXPECT_EQ(passport.backing_file, std::filesystem::canonical(folder / "odd"));
  EXPECT_THAT(passport.backing_filesystem, testing::Not(IsEmpty()));
  EXPECT_THAT(passport.content_type, IsEmpty());
  EXPECT_FALSE(passport.kernel_boot_id.empty());
  EXPECT_FALSE(passport.host.empty());
  EXPECT_EQ(passport_from_json(to_json(passport).dump()).value(), passport);
}

TEST(Probe, TheContentOfAnImageIsRecognised) {
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  test::TemporaryFolder folder;
  test::make_image(folder / "fs", 8_MiB);
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-L", "mine", "-U",
                           "01234567-89ab-cdef-0123-456789abcdef", folder / "fs"})
                  .ok());
  const Passport passport = probed(folder / "fs");
  EXPECT_EQ(passport.content_type, "ext4");
  EXPECT_EQ(passport.content_label, "mine");
  EXPECT_EQ(passport.content_uuid, "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(passport.table.kind, TableKind::none);
  EXPECT_EQ(passport.last_used, ByteIndex(8 << 20));
}

class ProbeLoop : public testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    EBB_NEEDS_PROGRAM("sgdisk");
    test::make_image(image, 64_MiB);
    auto attached = test::LoopDevice::attach(image, {.sector = ByteCount(GetParam())});
    ASSERT_TRUE(attached) << attached.error().text();
    loop = std::move(*attached);
    const auto made = run_program({"sgdisk", "-n", "1:0:+16M", "-c", "1:system", loop->path()});
    ASSERT_TRUE(made.ok()) << made.output;
  }
  test::TemporaryFolder folder;
  std::string image = folder / "disk.img";
  std::unique_ptr<test::LoopDevice> loop;
};
INSTANTIATE_TEST_SUITE_P(Sectors, ProbeLoop, testing::Values(512, 4096));

TEST_P(ProbeLoop, ShapeIdentityAndTableAreRight) {
  const Passport passport = probed(loop->path());
  EXPECT_EQ(passport.kind, "loop");
  EXPECT_EQ(passport.shape.size, 64_MiB);
  EXPECT_EQ(passport.shape.logical_sector, ByteCount(GetParam()));
  EXPECT_EQ(passport.table.kind, TableKind::gpt);
  EXPECT_THAT(passport.table.problems, IsEmpty());
  ASSERT_THAT(passport.table.partitions, SizeIs(1));
  EXPECT_EQ(passport.table.partitions[0].name, "system");
  EXPECT_EQ(passport.last_used, passport.table.partitions[0].bytes.end);
  EXPECT_EQ(passport.backing_file, image);
  const Passport of_image = probed(image, {.image_sector = ByteCount(GetParam()), .roots = {}});
  EXPECT_EQ(identity_text(of_image), identity_text(passport));
  EXPECT_EQ(of_image.table, passport.table);
  EXPECT_EQ(passport_from_json(to_json(passport).dump()).value(), passport);
}

TEST_P(ProbeLoop, APartitionKnowsItsUuidAndItsDisk) {
  const Passport disk = probed(loop->path());
  ASSERT_THAT(disk.table.partitions, SizeIs(1));
  const auto node = loop->add_partition(1, disk.table.partitions[0].bytes);
  if (!node) GTEST_SKIP() << "no partitions on loop devices here";
  const Passport part = probed(*node);
  EXPECT_EQ(part.kind, "partition");
  EXPECT_EQ(part.partition_number, 1u);
  EXPECT_EQ(part.partition_uuid, disk.table.partitions[0].uuid);
  EXPECT_EQ(part.shape.size, 16_MiB);
  EXPECT_EQ(part.shape.logical_sector, disk.shape.logical_sector);
  EXPECT_EQ(part.table.kind, TableKind::none);
  EXPECT_THAT(identity_text(part), HasSubstr(" on file="));
}

TEST_P(ProbeLoop, AnImageReadWithTheWrongSectorSaysSo) {
  const ByteCount other = GetParam() == 512 ? 4_KiB : 512_B;
  const Passport passport = probed(image, {.image_sector = other, .roots = {}});
  EXPECT_EQ(passport.table.foreign_sector, ByteCount(GetParam()));
  EXPECT_EQ(passport.last_used, ByteIndex(64 << 20));
}

TEST(ProbeRealTables, SfdiskAndTheParserAgreeOnLogicalPartitions) {
  EBB_NEEDS_PROGRAM("sfdisk");
  test::TemporaryFolder folder;
  test::make_image(folder / "mbr", 64_MiB);
  const auto made = run_program({"sfdisk", folder / "mbr"},
                                "label: dos\nlabel-id: 0x1234abcd\nsize=8M, type=83\n"
                                "type=f\nsize=8M, type=83\nsize=4M, type=82\n");
  ASSERT_TRUE(made.ok()) << made.output;
  const Passport passport = probed(folder / "mbr");
  EXPECT_EQ(passport.table.kind, TableKind::mbr);
  EXPECT_EQ(passport.table.id, "1234abcd");
  EXPECT_THAT(passport.table.problems, IsEmpty());
  const auto listed = nlohmann::json::parse(run_program({"sfdisk", "-J", folder / "mbr"}).output);
  const auto& expected = listed["partitiontable"]["partitions"];
  ASSERT_EQ(passport.table.partitions.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(passport.table.partitions[i].bytes.begin.value() / 512, expected[i]["start"]);
    EXPECT_EQ(passport.table.partitions[i].bytes.length().value() / 512, expected[i]["size"]);
  }
}

TEST(ProbeRealTables, AFatBootSectorIsNotAPartitionTable) {
  if (test::find_program("mkfs.vfat").empty() && test::find_program("mformat").empty()) {
    GTEST_SKIP() << "neither mkfs.vfat nor mformat";
  }
  test::TemporaryFolder folder;
  test::make_image(folder / "fat", 8_MiB);
  const auto made = test::find_program("mkfs.vfat").empty()
                        ? run_program({"mformat", "-i", folder / "fat", "-T", "16384", "-h", "16",
                                       "-s", "32", "::"})
                        : run_program({"mkfs.vfat", folder / "fat"});
  ASSERT_TRUE(made.ok()) << made.output;
  const Passport passport = probed(folder / "fat");
  EXPECT_EQ(passport.table.kind, TableKind::none);
  EXPECT_EQ(passport.content_type, "vfat");
}

// A table and a file system over the whole disk: one is a remnant, and nothing says which.
TEST(ProbeRealTables, ATableBesideAFileSystemMeansThatAllIsUsed) {
  EBB_NEEDS_PROGRAM("sfdisk");
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  test::TemporaryFolder folder;
  test::make_image(folder / "both", 64_MiB);
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", folder / "both"}).ok());
  const auto made = run_program({"sfdisk", "--force", "--wipe", "never", folder / "both"},
                                "label: dos\nsize=8M, type=83\n");
  ASSERT_TRUE(made.ok()) << made.output;
  const Passport passport = probed(folder / "both");
  EXPECT_EQ(passport.table.kind, TableKind::mbr);
  EXPECT_EQ(passport.content_type, "ext4");
  EXPECT_EQ(passport.last_used, ByteIndex(64 << 20));
  EXPECT_THAT(passport.notes, Contains(HasSubstr("all of it counts as used")));
}

}  // namespace
}  // namespace ebb
