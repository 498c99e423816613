// SPDX-License-Identifier: Apache-2.0
// A partitioned disk onto disks of other sizes: the table is whole there, and so is what is in its
// partitions.
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

constexpr ByteCount disk_size = 40_MiB;
constexpr ByteRun ext4_partition{ByteIndex((8_MiB).value()), ByteIndex((28_MiB).value())};

std::string sgdisk_verdict(const std::string& device) {
  return run_program({"sgdisk", "-v", device}).output;
}

class RestoreGpt : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    EBB_NEEDS_PROGRAM("sgdisk");
    EBB_NEEDS_PROGRAM("mkfs.ext4");
    EBB_NEEDS_PROGRAM("fsck.ext4");
    make_image(image_, disk_size);
    const auto table = run_program(
        {"sgdisk", "-n", "1:1M:+2M", "-t", "1:ef02", "-n", "2:8M:+20M", "-c", "2:root", image_});
    ASSERT_TRUE(table.ok()) << table.output;
    fill_file_system();
    source_ = attach(image_);
    ASSERT_TRUE(ebb_.init().ok());
    const EbbRun made = ebb_.backup(source_->path(), "disk");
    ASSERT_TRUE(made.ok()) << made;
  }

  static std::unique_ptr<LoopDevice> attach(const std::string& image,
                                            const LoopOptions& options = {}) {
    auto device = LoopDevice::attach(image, options);
    EBB_CHECK(device.has_value(), "a loop device cannot be attached");
    return *std::move(device);
  }
  static std::unique_ptr<LoopDevice> attach_partition(const std::string& image) {
    return attach(image, {.offset = ByteCount(ext4_partition.begin.value()),
                          .size_limit = ext4_partition.length()});
  }

  void fill_file_system() {
    const auto partition = attach_partition(image_);
    ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-F", partition->path()}).ok());
    const TemporaryFolder there;
    const auto mount = Mount::at(partition->path(), there.path(), "ext4");
    ASSERT_TRUE(mount.has_value()) << mount.error().text();
    const auto random = test_random();
    for (int i = 0; i < 20; ++i) {
      const std::string file = there / fmt::format("file-{}", i);
      write_text(file, "");
      write_at(file, ByteIndex(0), random_bytes(*random, 1 + random->below(200'000)));
    }
  }

  nlohmann::json partitions_of(const std::string& device) {
    return ebb_.run({"inspect", device}).json["table"]["partitions"];
  }

  void expect_whole_on(ByteCount target_size) {
    const std::string image = folder_ / "target.img";
    make_image(image, target_size);
    write_at(image, ByteIndex(0), ByteVector(target_size.size(), std::byte{0x3c}));
    // What was there before had a table of its own, up to its end.
    ASSERT_TRUE(run_program({"sgdisk", "-o", "-n", "1:0:0", image}).ok());
    {
      const auto target = attach(image);
      const EbbRun check = ebb_.check("disk@latest", target->path());
      EXPECT_TRUE(check.finding("gpt-moves").is_object()) << check;
      const EbbRun restored = ebb_.restore("disk@latest", target->path());
      ASSERT_TRUE(restored.ok()) << restored;
      EXPECT_NE(sgdisk_verdict(target->path()).find("No problems found"), std::string::npos)
          << sgdisk_verdict(target->path());
      EXPECT_EQ(partitions_of(target->path()), partitions_of(source_->path()));
      EXPECT_EQ(partitions_of(target->path()).size(), 2u);
    }
    const auto partition = attach_partition(image);
    const auto fsck = run_program({"fsck.ext4", "-fn", partition->path()});
    EXPECT_TRUE(fsck.ok()) << fsck.output;
    EXPECT_TRUE(same_bytes(read_at(image, ext4_partition.begin, ext4_partition.length()),
                           read_at(image_, ext4_partition.begin, ext4_partition.length())));
  }

  const TemporaryFolder folder_;
  const std::string image_ = folder_ / "disk.img";
  const EbbProgram ebb_{folder_};
  std::unique_ptr<LoopDevice> source_;
};

TEST_F(RestoreGpt, IsWholeOnABiggerDisk) {
  expect_whole_on(51_MiB);
}

TEST_F(RestoreGpt, IsWholeOnASmallerDiskThatStillHoldsThePartitions) {
  expect_whole_on(29_MiB);
}

TEST_F(RestoreGpt, IsRefusedWhereTheLastPartitionWouldLeaveNoRoomForTheBackupTable) {
  const std::string image = folder_ / "target.img";
  make_image(image, ByteCount(ext4_partition.end.value()) + 512_B * 32);
  const auto target = attach(image);
  const EbbRun run = ebb_.restore("disk@latest", target->path());
  EXPECT_TRUE(run.is(ExitCode::refused)) << run;
  EXPECT_TRUE(run.finding("target-too-small").is_object()) << run;
}

}  // namespace
}  // namespace ebb::test
