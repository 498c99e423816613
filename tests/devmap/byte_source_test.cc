// SPDX-License-Identifier: Apache-2.0
#include "devmap/byte_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "devmap/core/random.h"
#include "devmap/core/unique_fd.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

ByteVector random_bytes(std::size_t size) {
  ByteVector bytes(size);
  seeded_random(7)->fill(bytes);
  return bytes;
}

// Every request that crosses an edge of sectors, pages and the bounce buffer, at odd places.
void expect_reads(ByteSource& source, const ByteVector& bytes) {
  ASSERT_EQ(source.size().size(), bytes.size());
  for (const std::size_t at : {0u, 1u, 511u, 4095u, 4096u, 65535u, 70001u}) {
    for (const std::size_t length : {0u, 1u, 2u, 513u, 4097u, 65536u, 131073u}) {
      if (at + length > bytes.size()) continue;
      ByteVector room(length);
      const auto read = source.read(ByteIndex(at), room);
      ASSERT_TRUE(read) << read.error().text();
      EXPECT_TRUE(same_bytes(room, Bytes(bytes).subspan(at, length))) << at << " " << length;
    }
  }
  ByteVector last(1);
  ASSERT_TRUE(source.read(ByteIndex(bytes.size() - 1), last));
  EXPECT_EQ(last[0], bytes.back());
}

void expect_refusals(ByteSource& source) {
  ByteVector room(2);
  for (const std::uint64_t at : {source.size().value() - 1, source.size().value(), UINT64_MAX}) {
    const auto read = source.read(ByteIndex(at), room);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind(), ErrorKind::invalid);
  }
}

TEST(MemorySource, ReadsWhatIsThereAndRefusesWhatIsNot) {
  const ByteVector bytes = random_bytes(300001);
  MemorySource source(bytes);
  expect_reads(source, bytes);
  expect_refusals(source);
}

class FdSourceTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Flags, FdSourceTest, testing::Values(0, O_DIRECT));

TEST_P(FdSourceTest, ReadsAFileOfAnySize) {
  test::TemporaryFolder folder;
  const std::string path = folder / "file";
  const ByteVector bytes = random_bytes(300001);
  test::make_image(path, ByteCount(bytes.size()));
  test::write_at(path, ByteIndex(0), bytes);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | GetParam()));
  if (!fd.is_open()) GTEST_SKIP() << "no O_DIRECT on this file system";
  auto source = FdSource::over(fd.get());
  ASSERT_TRUE(source);
  expect_reads(*source, bytes);
  expect_refusals(*source);
}

TEST_P(FdSourceTest, ReadsABlockDeviceAtAnyPlace) {
  EBB_NEEDS_LOOP_DEVICES();
  test::TemporaryFolder folder;
  const std::string path = folder / "image";
  const ByteVector bytes = random_bytes(1 << 20);
  test::make_image(path, ByteCount(bytes.size()));
  test::write_at(path, ByteIndex(0), bytes);
  for (const ByteCount sector : {512_B, 4_KiB}) {
    const auto loop = test::LoopDevice::attach(path, {.sector = sector});
    ASSERT_TRUE(loop) << loop.error().text();
    const UniqueFd fd(::open((*loop)->path().c_str(), O_RDONLY | O_CLOEXEC | GetParam()));
    ASSERT_TRUE(fd.is_open());
    auto source = FdSource::over(fd.get());
    ASSERT_TRUE(source);
    expect_reads(*source, bytes);
    expect_refusals(*source);
  }
}

TEST_P(FdSourceTest, SaysThatAFileShrankUnderIt) {
  test::TemporaryFolder folder;
  const std::string path = folder / "file";
  test::make_image(path, 1_MiB);
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | GetParam()));
  if (!fd.is_open()) GTEST_SKIP() << "no O_DIRECT on this file system";
  FdSource source(fd.get(), 1_MiB);
  test::resize_image(path, ByteCount(5000));
  ByteVector room(8192);
  const auto read = source.read(ByteIndex(0), room);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind(), ErrorKind::lost);
}

TEST(FdSourceOver, RefusesWhatHasNoSize) {
  const UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(FdSource::over(fd.get()).error().kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace ebb
