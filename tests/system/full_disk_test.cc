// SPDX-License-Identifier: Apache-2.0
// A repository on a disk that fills up: a clear error, nothing committed is lost, and with room
// again the next backup succeeds.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

TEST(FullDisk, StopsABackupWithAClearErrorAndLosesNothing) {
  EBB_NEEDS_LOOP_DEVICES();
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  const auto random = test_random();
  const TemporaryFolder folder;
  make_image(folder / "repository-disk.img", 128_MiB);
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-F", folder / "repository-disk.img"}).ok());
  const auto disk = LoopDevice::attach(folder / "repository-disk.img");
  ASSERT_TRUE(disk.has_value());
  const TemporaryFolder there;
  const auto mount = Mount::at((*disk)->path(), there.path(), "ext4");
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  const EbbProgram ebb(folder, there / "repository");
  ASSERT_TRUE(ebb.init().ok());

  const std::string small = folder / "small.img";
  make_image(small, 5_MiB);
  StampedDevice small_oracle(small, 5_MiB, random->next_u64());
  small_oracle.fill();
  ASSERT_TRUE(ebb.backup(small, "small").ok());

  const std::string large = folder / "large.img";
  make_image(large, 40_MiB);
  write_at(large, ByteIndex(0), random_bytes(*random, (40_MiB).size()));
  const std::string filler = there / "filler";
  {
    const UniqueFd fd(::open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd.is_open());
    const auto free = std::filesystem::space(there.path()).free;
    ASSERT_EQ(::posix_fallocate(fd.get(), 0, static_cast<off_t>(free - (20_MiB).value())), 0);
  }
  const EbbRun full = ebb.backup(large, "large");
  EXPECT_TRUE(full.is(ExitCode::failed)) << full;
  EXPECT_NE(full.err.find("No space left"), std::string::npos) << full;

  const EbbRun points = ebb.run({"points"});
  ASSERT_TRUE(points.ok()) << points;
  EXPECT_EQ(points.json.size(), 1u);
  const EbbRun restored = ebb.restore("small@latest", folder / "small-again.img");
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(first_wrong_sector(folder / "small-again.img", small_oracle.state()), "");
  EXPECT_TRUE(ebb.scrub().ok());

  std::filesystem::remove(filler);
  const EbbRun again = ebb.backup(large, "large");
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_TRUE(std::filesystem::is_empty(ebb.repository + "/tmp"));
  const EbbRun compared = ebb.run({"verify", "large@latest", "--against", large});
  EXPECT_TRUE(compared.ok()) << compared;
  EXPECT_TRUE(ebb.run({"verify"}).ok());
}

TEST(FullDisk, StopsARestoreToAnImageWithAClearErrorAndItGoesOnWithRoom) {
  EBB_NEEDS_LOOP_DEVICES();
  EBB_NEEDS_PROGRAM("mkfs.ext4");
  const auto random = test_random();
  const TemporaryFolder folder;
  make_image(folder / "target-disk.img", 48_MiB);
  ASSERT_TRUE(run_program({"mkfs.ext4", "-q", "-F", folder / "target-disk.img"}).ok());
  const auto disk = LoopDevice::attach(folder / "target-disk.img");
  ASSERT_TRUE(disk.has_value());
  const TemporaryFolder there;
  const auto mount = Mount::at((*disk)->path(), there.path(), "ext4");
  ASSERT_TRUE(mount.has_value()) << mount.error().text();
  const std::string source = folder / "source.img";
  make_image(source, 20_MiB);
  write_at(source, ByteIndex(0), random_bytes(*random, (20_MiB).size()));
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  ASSERT_TRUE(ebb.backup(source, "disk").ok());

  const std::string filler = there / "filler";
  {
    const UniqueFd fd(::open(filler.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd.is_open());
    const auto free = std::filesystem::space(there.path()).free;
    ASSERT_EQ(::posix_fallocate(fd.get(), 0, static_cast<off_t>(free - (6_MiB).value())), 0);
  }
  const EbbRun full = ebb.restore("disk@latest", there / "target.img");
  EXPECT_TRUE(full.is(ExitCode::failed)) << full;
  EXPECT_NE(full.err.find("No space left"), std::string::npos) << full;
  std::filesystem::remove(filler);
  const EbbRun again = ebb.restore("disk@latest", there / "target.img");
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_EQ(again.json["resumed"], true);
  EXPECT_TRUE(same_bytes(read_at(there / "target.img", ByteIndex(0), 20_MiB),
                         read_at(source, ByteIndex(0), 20_MiB)));
}

}  // namespace
}  // namespace ebb::test
