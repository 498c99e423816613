// SPDX-License-Identifier: Apache-2.0
// `ebb backup --leave-out-free`: what comes back is every file and a sound file system; what was
// free is zero and was not stored. Where somebody may be writing, everything is read.
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

constexpr ByteRun first{ByteIndex((1_MiB).value()), ByteIndex((201_MiB).value())};
constexpr ByteRun second{ByteIndex((201_MiB).value()), ByteIndex((601_MiB).value())};

// A disk with an ext4 and an XFS, both with files, and with garbage where files were.
class LeftOutFree : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    EBB_NEEDS_PROGRAM("sgdisk");
    EBB_NEEDS_PROGRAM("mkfs.ext4");
    EBB_NEEDS_PROGRAM("mkfs.xfs");
    EBB_NEEDS_PROGRAM("xfs_repair");
    make_image(image_, 602_MiB);
    ASSERT_TRUE(run_program({"sgdisk", "-n", "1:1M:+200M", "-n", "2:201M:+400M", image_}).ok());
    fill(first, "ext4", "-F");
    fill(second, "xfs", "-f");
    ASSERT_TRUE(ebb_.init().ok());
  }

  static std::unique_ptr<LoopDevice> attach(const std::string& image, ByteRun part) {
    auto device = LoopDevice::attach(
        image, {.offset = ByteCount(part.begin.value()), .size_limit = part.length()});
    EBB_CHECK(device.has_value(), "a loop device cannot be attached");
    return *std::move(device);
  }
  // Half of what is written goes again.
  void fill(ByteRun part, const std::string& type, const std::string& force) {
    const auto device = attach(image_, part);
    const auto made = run_program({"mkfs." + type, "-q", force, device->path()});
    ASSERT_TRUE(made.ok()) << made.output;
    const TemporaryFolder there;
    const auto mount = Mount::at(device->path(), there.path(), type);
    ASSERT_TRUE(mount.has_value()) << mount.error().text();
    for (int i = 0; i < 40; ++i) {
      const std::string file = there / fmt::format("file-{}", i);
      write_text(file, "");
      write_at(file, ByteIndex(0), random_bytes(*random_, 1 + random_->below(4'000'000)));
    }
    run_program({"sync"});
    for (int i = 0; i < 40; i += 2) {
      ASSERT_TRUE(run_program({"rm", there / fmt::format("file-{}", i)}).ok());
    }
  }
  void expect_same_files(const std::string& restored, ByteRun part, const std::string& type) {
    const auto before = attach(image_, part);
    const auto now = attach(restored, part);
    const auto check = type == "ext4" ? run_program({"fsck.ext4", "-fn", now->path()})
                                      : run_program({"xfs_repair", "-n", now->path()});
    EXPECT_TRUE(check.ok()) << check.output;
    const TemporaryFolder a;
    const TemporaryFolder b;
    const auto mount_a = Mount::at(before->path(), a.path(), type, true);
    ASSERT_TRUE(mount_a.has_value()) << mount_a.error().text();
    // Two XFS of one id are not mounted together otherwise.
    const auto mounted_b =
        run_program({"mount", "-t", type, "-o", type == "xfs" ? "ro,nouuid,norecovery" : "ro",
                     now->path(), b.path()});
    ASSERT_TRUE(mounted_b.ok()) << mounted_b.output;
    const auto same = run_program({"diff", "-r", a.path(), b.path()});
    run_program({"umount", b.path()});
    EXPECT_TRUE(same.ok()) << same.output;
  }
  // Mounting the source, if only to read, changes it.
  void expect_whole_and_without_garbage(const EbbRun& made) {
    EXPECT_GT(made.json["blocks_left_out"], 0) << made;
    const std::string target = folder_ / "target.img";
    const std::string point = made.json["point"];
    const EbbRun plan = ebb_.check(point, target);
    EXPECT_FALSE(plan.finding("free-space-left-out").is_null()) << plan;
    const EbbRun restored = ebb_.restore(point, target);
    ASSERT_TRUE(restored.ok()) << restored;
    expect_same_files(target, first, "ext4");
    expect_same_files(target, second, "xfs");
  }

  const std::unique_ptr<Random> random_ = test_random();
  const TemporaryFolder folder_;
  const std::string image_ = folder_ / "disk.img";
  EbbProgram ebb_{folder_};
};

TEST_F(LeftOutFree, OfADiskStoresLessAndEveryFileComesBack) {
  const auto device = LoopDevice::attach(image_);
  ASSERT_TRUE(device.has_value());
  const EbbRun made = ebb_.backup((*device)->path(), "disk", {"--leave-out-free"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_NE(made.json["left_out_said"].dump().find("ext4 in partition 1: "), std::string::npos);
  EXPECT_NE(made.json["left_out_said"].dump().find("xfs in partition 2: "), std::string::npos);
  // About as much as was written and removed was not stored.
  EXPECT_LT(made.json["bytes_stored"], (110_MiB).value());
  const EbbRun compared = ebb_.run({"verify", "disk@latest", "--against", (*device)->path()});
  EXPECT_TRUE(compared.ok()) << compared;
  EXPECT_GT(compared.json["points"][0]["blocks_left_out"], 0) << compared;
  // Everything is there after a run without the option.
  const EbbRun whole = ebb_.backup((*device)->path(), "disk");
  ASSERT_TRUE(whole.ok()) << whole;
  EXPECT_EQ(whole.json["blocks_left_out"], 0);
  const EbbRun equal = ebb_.run({"verify", "disk@latest", "--against", (*device)->path()});
  EXPECT_TRUE(equal.ok()) << equal;
  EXPECT_EQ(equal.json["points"][0]["blocks_left_out"], 0);
  expect_whole_and_without_garbage(made);
}

TEST_F(LeftOutFree, OfAnImageIsTheSame) {
  const EbbRun made = ebb_.backup(image_, "disk", {"--leave-out-free"});
  ASSERT_TRUE(made.ok()) << made;
  expect_whole_and_without_garbage(made);
}

TEST_F(LeftOutFree, OfADeviceInUseIsNothing) {
  const auto device = LoopDevice::attach(image_);
  ASSERT_TRUE(device.has_value());
  const auto partition = (*device)->add_partition(1, first);
  ASSERT_TRUE(partition.has_value()) << partition.error().text();
  const TemporaryFolder there;
  auto mount = Mount::at(*partition, there.path(), "ext4");
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  const EbbRun made = ebb_.backup((*device)->path(), "disk", {"--leave-out-free"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["blocks_left_out"], 0);
  EXPECT_NE(made.json["notes"].dump().find("is in use"), std::string::npos) << made;
  const EbbRun image = ebb_.backup(image_, "image", {"--leave-out-free"});
  ASSERT_TRUE(image.ok()) << image;
  EXPECT_EQ(image.json["blocks_left_out"], 0) << "a loop device is attached to it";
}

// Its journal has what its bitmaps do not.
TEST_F(LeftOutFree, OfOneThatWasNotUnmountedIsNothing) {
  const auto device = attach(image_, first);
  const TemporaryFolder there;
  const std::string crashed = folder_ / "crashed.img";
  {
    auto mount = Mount::at(device->path(), there.path(), "ext4");
    ASSERT_TRUE(mount.has_value()) << mount.error().text();
    write_text(there / "new", "new");
    ASSERT_TRUE(run_program({"sync"}).ok());
    ASSERT_TRUE(run_program({"cp", "--sparse=always", image_, crashed}).ok());
  }
  const EbbRun made = ebb_.backup(crashed, "disk", {"--leave-out-free"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_NE(made.json["left_out_said"].dump().find("ext4 in partition 1: its journal is not empty"),
            std::string::npos)
      << made;
}

// Whoever puts something else over a file system may leave its superblock in place.
TEST_F(LeftOutFree, OfWhatMayBeSomethingElseIsNothing) {
  write_at(image_, first.begin, copy_of(bytes_of(std::string_view("LUKS\xba\xbe\0\1", 8))));
  const EbbRun made = ebb_.backup(image_, "disk", {"--leave-out-free"});
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["left_out_said"].dump().find("partition 1"), std::string::npos) << made;
}

}  // namespace
}  // namespace ebb::test
