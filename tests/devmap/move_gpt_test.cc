// SPDX-License-Identifier: Apache-2.0
// Moving the backup GPT: judged by this parser and by sgdisk.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devmap/core/unique_fd.h"
#include "devmap/partition_table.h"
#include "tests/support/gpt_image.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/run_program.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using test::GptImage;
using test::run_program;
using testing::HasSubstr;
using testing::IsEmpty;

ByteVector moved(const ByteVector& old_disk, ByteCount sector, std::uint64_t new_sectors) {
  MemorySource source(old_disk);
  const ByteCount new_size = sector * new_sectors;
  auto patches = move_backup_gpt(source, sector, source.size(), new_size);
  EXPECT_TRUE(patches.has_value()) << (patches ? "" : patches.error().text());
  ByteVector disk = old_disk;
  disk.resize(new_size.size());
  ByteIndex last_end;
  for (const Patch& patch : patches.value_or(std::vector<Patch>{})) {
    EXPECT_LE(last_end, patch.at);
    last_end = patch.at + ByteCount(patch.bytes.size());
    EXPECT_LE(last_end.value(), disk.size());
    std::copy(patch.bytes.begin(), patch.bytes.end(),
              disk.begin() + static_cast<std::ptrdiff_t>(patch.at.value()));
  }
  return disk;
}

PartitionTable table_of(const ByteVector& bytes, ByteCount sector) {
  MemorySource source(bytes);
  return read_partition_table(source, sector).value_or(PartitionTable{});
}

class MoveGpt : public testing::TestWithParam<std::uint64_t> {
 protected:
  ByteCount sector() const { return ByteCount(GetParam()); }
  GptImage disk() const {
    GptImage image(sector(), 4096);
    image.put_entry(0, 100, 199, "one");
    image.put_entry(3, 300, 999, "four");
    image.seal();
    return image;
  }
};
INSTANTIATE_TEST_SUITE_P(Sectors, MoveGpt, testing::Values(512, 4096));

TEST_P(MoveGpt, WorksFromEitherCopyAndMendsTheOther) {
  for (const bool break_primary : {false, true}) {
    for (const std::uint64_t new_sectors : {1100ull, 2048ull, 4095ull, 4097ull, 9000ull}) {
      GptImage image = disk();
      const auto before = table_of(image.bytes, sector());
      const std::size_t victim = break_primary ? GetParam() : image.bytes.size() - GetParam();
      image.bytes[victim + 30] ^= std::byte{1};
      const auto after = table_of(moved(image.bytes, sector(), new_sectors), sector());
      EXPECT_EQ(after.kind, TableKind::gpt);
      EXPECT_THAT(after.problems, IsEmpty()) << new_sectors;
      EXPECT_EQ(after.partitions, before.partitions);
      EXPECT_EQ(after.id, before.id);
      EXPECT_EQ(after.own_areas.back().end, ByteIndex(GetParam() * new_sectors));
    }
  }
}

TEST_P(MoveGpt, MendsDamagedPrimaryEntries) {
  GptImage image = disk();
  image.bytes[2 * GetParam() + 60] ^= std::byte{1};
  EXPECT_THAT(table_of(moved(image.bytes, sector(), 5000), sector()).problems, IsEmpty());
}

TEST_P(MoveGpt, RefusesADiskTooSmallForThePartitions) {
  const GptImage image = disk();
  MemorySource source(image.bytes);
  for (const std::uint64_t new_sectors : {0ull, 1ull, 3ull, 30ull, 999ull, 1001ull}) {
    const auto patches = move_backup_gpt(source, sector(), source.size(), sector() * new_sectors);
    ASSERT_FALSE(patches) << new_sectors;
    EXPECT_EQ(patches.error().kind(), ErrorKind::mismatch);
  }
}

TEST_P(MoveGpt, HasNothingToDoForTheSameSizeOrWithoutAGpt) {
  const GptImage image = disk();
  MemorySource source(image.bytes);
  EXPECT_TRUE(move_backup_gpt(source, sector(), source.size(), source.size())->empty());
  ByteVector blank(1 << 20);
  MemorySource none(blank);
  EXPECT_TRUE(move_backup_gpt(none, sector(), none.size(), 2_MiB)->empty());
}

TEST_P(MoveGpt, SaysThatNeitherCopyIsSound) {
  GptImage image = disk();
  image.bytes[GetParam() + 30] ^= std::byte{1};
  image.bytes[image.bytes.size() - GetParam() + 30] ^= std::byte{1};
  MemorySource source(image.bytes);
  const auto patches = move_backup_gpt(source, sector(), source.size(), 64_MiB);
  ASSERT_FALSE(patches);
  EXPECT_EQ(patches.error().kind(), ErrorKind::damaged);
}

// The old size may be less than what is readable: the disk was restored onto a larger one.
TEST_P(MoveGpt, LooksForTheBackupAtTheOldEnd) {
  GptImage image = disk();
  const ByteCount old_size(image.bytes.size());
  image.bytes[GetParam() + 30] ^= std::byte{1};
  image.bytes.resize(image.bytes.size() * 2);
  MemorySource source(image.bytes);
  EXPECT_EQ(move_backup_gpt(source, sector(), old_size, source.size())->size(), 5u);
}

void write_patches(const std::string& path, const std::vector<Patch>& patches) {
  for (const Patch& patch : patches) test::write_at(path, patch.at, patch.bytes);
}

// Makes a table with sgdisk on a loop device of this sector size, moves it to another size by
// patches, and lets sgdisk judge.
void judge_by_sgdisk(ByteCount sector, ByteCount old_size, ByteCount new_size, bool break_primary) {
  test::TemporaryFolder folder;
  const std::string image = folder / "disk.img";
  test::make_image(image, old_size);
  {
    auto loop = test::LoopDevice::attach(image, {.sector = sector});
    ASSERT_TRUE(loop) << loop.error().text();
    const auto made = run_program({"sgdisk", "-n", "1:0:+4M", "-c", "1:boot", "-n", "2:0:+8M", "-t",
                                   "2:8e00", (*loop)->path()});
    ASSERT_TRUE(made.ok()) << made.output;
  }
  if (break_primary) test::write_at(image, ByteIndex(sector.value()), ByteVector(sector.size()));
  {
    const ByteVector bytes = test::read_at(image, ByteIndex(0), old_size);
    MemorySource source(bytes);
    const auto patches = move_backup_gpt(source, sector, old_size, new_size);
    ASSERT_TRUE(patches) << patches.error().text();
    test::resize_image(image, new_size);
    write_patches(image, *patches);
  }
  auto loop = test::LoopDevice::attach(image, {.sector = sector});
  ASSERT_TRUE(loop) << loop.error().text();
  const auto verdict = run_program({"sgdisk", "-v", (*loop)->path()});
  EXPECT_THAT(verdict.output, HasSubstr("No problems found"));
  const auto listed = run_program({"sgdisk", "-p", (*loop)->path()});
  EXPECT_THAT(listed.output, HasSubstr("boot")) << listed.output;
}

TEST_P(MoveGpt, PleasesSgdiskOnBiggerAndSmallerDisks) {
  EBB_NEEDS_LOOP_DEVICES();
  EBB_NEEDS_PROGRAM("sgdisk");
  for (const bool break_primary : {false, true}) {
    judge_by_sgdisk(sector(), 64_MiB, 100_MiB, break_primary);
    judge_by_sgdisk(sector(), 64_MiB, 64_MiB + sector(), break_primary);
    judge_by_sgdisk(sector(), 64_MiB, 20_MiB, break_primary);
  }
}

// 2 TiB and more: the protective entry can say no more than 2^32 - 1 sectors.
TEST(MoveGptLarge, PleasesSgdiskAcrossTwoTebibytes) {
  EBB_NEEDS_PROGRAM("sgdisk");
  test::TemporaryFolder folder;
  const std::string image = folder / "disk.img";
  const ByteCount small = 64_MiB;
  const ByteCount large = 1_GiB * 3000;
  test::make_image(image, small);
  ASSERT_TRUE(run_program({"sgdisk", "-n", "1:0:+4M", image}).ok());
  for (const auto& [from, to] : {std::pair{small, large}, std::pair{large, small}}) {
    std::vector<Patch> patches;
    {
      const UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
      FdSource source(fd.get(), from);
      auto result = move_backup_gpt(source, 512_B, from, to);
      ASSERT_TRUE(result) << result.error().text();
      patches = std::move(*result);
    }
    test::resize_image(image, to);
    write_patches(image, patches);
    const auto verdict = run_program({"sgdisk", "-v", image});
    EXPECT_THAT(verdict.output, HasSubstr("No problems found")) << to.value();
  }
}

}  // namespace
}  // namespace ebb
