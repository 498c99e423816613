// SPDX-License-Identifier: Apache-2.0
// What a restore refuses, on real devices: exit code 4, a finding that programs can read, and not
// one byte of the target touched, however often it is asked.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

constexpr ByteCount size = 3_MiB;

ByteVector whole(const std::string& path) {
  struct stat status {};
  EBB_CHECK(::stat(path.c_str(), &status) == 0, "an image of the test is gone");
  return read_at(path, ByteIndex(0), ByteCount(static_cast<std::uint64_t>(status.st_size)));
}

// Undoes itself: `dmsetup remove`, `swapoff`.
class AtTheEnd {
 public:
  explicit AtTheEnd(std::vector<std::string> command) : command_(std::move(command)) {}
  ~AtTheEnd() { run_program(command_); }
  AtTheEnd(const AtTheEnd&) = delete;
  AtTheEnd& operator=(const AtTheEnd&) = delete;

 private:
  std::vector<std::string> command_;
};

class RestoreRefusal : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    back_up(512_B);
  }

  void back_up(ByteCount sector) {
    make_image(source_image_, size);
    source_ = attach(source_image_, {.sector = sector});
    oracle_.emplace(source_->path(), size, 7);
    oracle_->fill();
    ASSERT_TRUE(ebb_.init().ok());
    const EbbRun made = ebb_.backup(source_->path(), "disk");
    ASSERT_TRUE(made.ok()) << made;
  }

  // An image of this size with other bytes in it.
  std::string used_image(ByteCount length = size) {
    make_image(target_image_, length);
    write_at(target_image_, ByteIndex(0), ByteVector(length.size(), std::byte{0x5a}));
    return target_image_;
  }

  static std::unique_ptr<LoopDevice> attach(const std::string& image,
                                            const LoopOptions& options = {}) {
    auto device = LoopDevice::attach(image, options);
    EBB_CHECK(device.has_value(), "a loop device cannot be attached");
    return *std::move(device);
  }

  // Both the check and the restore itself say no, and `image`, which has the target's bytes, stays.
  void expect_refused(const std::string& target, const std::string& image, const std::string& id,
                      const std::string& overridden_by = "",
                      const EbbProgram::Arguments& more = {}) {
    const ByteVector before = whole(image);
    for (const EbbRun& run :
         {ebb_.check("disk@latest", target, more), ebb_.restore("disk@latest", target, more)}) {
      EXPECT_TRUE(run.is(ExitCode::refused)) << run;
      EXPECT_EQ(run.json["verdict"], "refused") << run;
      const nlohmann::json finding = run.finding(id);
      ASSERT_TRUE(finding.is_object()) << "no finding " << id << " in " << run;
      EXPECT_EQ(finding["severity"], "refuses");
      EXPECT_EQ(finding["overridden_by"], overridden_by);
    }
    EXPECT_TRUE(same_bytes(whole(image), before)) << "the target was written to";
  }

  void expect_restored(const std::string& target, const EbbProgram::Arguments& more) {
    const EbbRun run = ebb_.restore("disk@latest", target, more);
    EXPECT_TRUE(run.ok()) << run;
    EXPECT_EQ(first_wrong_sector(target, oracle_->state()), "");
  }

  const TemporaryFolder folder_;
  const std::string source_image_ = folder_ / "source.img";
  const std::string target_image_ = folder_ / "target.img";
  EbbProgram ebb_{folder_};
  std::unique_ptr<LoopDevice> source_;
  std::optional<StampedDevice> oracle_;
};

TEST_F(RestoreRefusal, ATargetThatIsOneSectorTooSmall) {
  const std::string image = used_image(size - 512_B);
  const auto target = attach(image);
  expect_refused(target->path(), image, "target-too-small");
}

TEST_F(RestoreRefusal, AnImageFileThatIsOneByteTooSmall) {
  const std::string image = used_image(size - 1_B);
  expect_refused(image, image, "target-too-small");
}

TEST_F(RestoreRefusal, OtherSectorsUnlessToldToIgnoreThem) {
  const std::string image = used_image();
  const auto target = attach(image, {.sector = 4_KiB});
  expect_refused(target->path(), image, "sector-size", "--ignore-sector-size");
  expect_restored(target->path(), {"--ignore-sector-size"});
}

TEST_F(RestoreRefusal, OtherSectorsUnderAPartitionTableInAnyCase) {
  EBB_NEEDS_PROGRAM("sgdisk");
  const auto made = run_program({"sgdisk", "-n", "1:0:0", source_->path()});
  ASSERT_TRUE(made.ok()) << made.output;
  ASSERT_TRUE(ebb_.backup(source_->path(), "disk").ok());
  const std::string image = used_image();
  const auto target = attach(image, {.sector = 4_KiB});
  expect_refused(target->path(), image, "sector-size");
  expect_refused(target->path(), image, "sector-size", "", {"--ignore-sector-size"});
}

TEST_F(RestoreRefusal, AMountedTarget) {
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  const std::string image = used_image();
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-F", image}).ok());
  const auto target = attach(image);
  const TemporaryFolder there;
  const auto mount = Mount::at(target->path(), there.path(), "ext4", true);
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  expect_refused(target->path(), image, "mounted");
}

TEST_F(RestoreRefusal, ADiskOfWhichAPartitionIsMounted) {
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  const std::string image = used_image(6_MiB);
  const auto target = attach(image);
  const auto partition =
      target->add_partition(1, {ByteIndex((1_MiB).value()), ByteIndex((5_MiB).value())});
  if (!partition)
    GTEST_SKIP() << "no partitions of loop devices here: " << partition.error().text();
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-F", *partition}).ok());
  const TemporaryFolder there;
  const auto mount = Mount::at(*partition, there.path(), "ext4", true);
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  expect_refused(target->path(), image, "mounted");
}

TEST_F(RestoreRefusal, ATargetThatDeviceMapperHolds) {
  EBB_NEEDS_PROGRAM("dmsetup");
  if (!run_program({"dmsetup", "version"}).ok()) {
    GTEST_SKIP() << "this kernel has no device mapper";
  }
  const std::string image = used_image();
  const auto target = attach(image);
  const std::string name = "ebb-test-" + std::to_string(::getpid());
  const auto made =
      run_program({"dmsetup", "create", name, "--table",
                   fmt::format("0 {} linear {} 0", size.value() / 512, target->path())});
  ASSERT_TRUE(made.ok()) << made.output;
  const AtTheEnd undo({"dmsetup", "remove", "--retry", name});
  expect_refused(target->path(), image, "held");
}

TEST_F(RestoreRefusal, AnImageThatALoopDeviceIsAttachedTo) {
  const std::string image = used_image();
  const auto device = attach(image);
  expect_refused(image, image, "attached");
}

TEST_F(RestoreRefusal, ATargetThatSomebodyHasForThemselves) {
  const std::string image = used_image();
  const auto target = attach(image);
  const UniqueFd mine(::open(target->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  ASSERT_TRUE(mine.is_open());
  expect_refused(target->path(), image, "in-use");
}

TEST_F(RestoreRefusal, SwapSpace) {
  EBB_NEEDS_PROGRAM("mkswap");
  EBB_NEEDS_PROGRAM("swapon");
  const std::string image = used_image();
  const auto target = attach(image);
  ASSERT_TRUE(run_program({"mkswap", target->path()}).ok());
  // The lowest priority: it must not be swapped to.
  const auto on = run_program({"swapon", "-p", "0", target->path()});
  if (!on.ok()) GTEST_SKIP() << "no swap on loop devices here: " << on.output;
  const AtTheEnd undo({"swapoff", target->path()});
  expect_refused(target->path(), image, "swap");
}

TEST_F(RestoreRefusal, AReadOnlyDevice) {
  const std::string image = used_image();
  const auto target = attach(image, {.read_only = true});
  expect_refused(target->path(), image, "read-only");
}

TEST_F(RestoreRefusal, TheSourceItselfUnlessThatIsWanted) {
  // The source has gone on since.
  write_at(source_->path(), ByteIndex(0), ByteVector((64_KiB).size(), std::byte{1}));
  expect_refused(source_->path(), source_image_, "source-itself", "--onto-source");
  expect_restored(source_->path(), {"--onto-source"});
}

TEST_F(RestoreRefusal, ATargetWithAnotherSerialNumberOrWwn) {
  const std::string image = used_image();
  const auto target = attach(image);
  expect_refused(target->path(), image, "wrong-serial", "", {"--expect-serial", "WD-1234"});
  expect_refused(target->path(), image, "wrong-wwn", "", {"--expect-wwn", "naa.5000c500a1b2c3d4"});
}

TEST_F(RestoreRefusal, ToOverwriteAnythingWithoutYes) {
  const std::string image = used_image();
  const auto target = attach(image);
  const ByteVector before = whole(image);
  const EbbRun run = ebb_.run(ebb_.restore_arguments("disk@latest", target->path()));
  EXPECT_TRUE(run.is(ExitCode::refused)) << run;
  EXPECT_NE(run.err.find("--yes"), std::string::npos) << run;
  EXPECT_TRUE(same_bytes(whole(image), before));
}

TEST_F(RestoreRefusal, ACheckThatSaysYesWritesNothing) {
  const std::string image = used_image();
  const auto target = attach(image);
  const ByteVector before = whole(image);
  const EbbRun run = ebb_.check("disk@latest", target->path(), {"--yes"});
  EXPECT_TRUE(run.ok()) << run;
  EXPECT_EQ(run.json["verdict"], "allowed");
  EXPECT_TRUE(run.finding("records-sound").is_object()) << run;
  EXPECT_TRUE(same_bytes(whole(image), before));
}

TEST(RestoreRefusalOfTheRepository, TheDiskThatItLiesOnAndItsImage) {
  EBB_NEEDS_LOOP_DEVICES();
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  const TemporaryFolder folder;
  const std::string source = folder / "source.img";
  const std::string image = folder / "repository-disk.img";
  make_image(source, size);
  StampedDevice oracle(source, size, 9);
  oracle.fill();
  make_image(image, 48_MiB);
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-F", image}).ok());
  const auto disk = LoopDevice::attach(image);
  ASSERT_TRUE(disk.has_value());
  const TemporaryFolder there;
  const auto mount = Mount::at((*disk)->path(), there.path(), "ext4");
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  const EbbProgram ebb(folder, there / "repository");
  ASSERT_TRUE(ebb.init().ok());
  ASSERT_TRUE(ebb.backup(source, "disk").ok());
  for (const std::string& target : {(*disk)->path(), image}) {
    for (const EbbRun& run :
         {ebb.check("disk@latest", target), ebb.restore("disk@latest", target)}) {
      EXPECT_TRUE(run.is(ExitCode::refused)) << run;
      EXPECT_TRUE(run.finding("holds-repository").is_object()) << run;
    }
  }
  // Other bytes of a disk in use change by themselves; what counts is that the repository is whole.
  EXPECT_TRUE(ebb.run({"verify"}).ok());
}

}  // namespace
}  // namespace ebb::test
