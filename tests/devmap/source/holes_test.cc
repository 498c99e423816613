// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/holes.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "devmap/core/random.h"
#include "devmap/core/unique_fd.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ByteRun run(std::uint64_t begin, std::uint64_t end) {
  return {ByteIndex(begin), ByteIndex(end)};
}

class Holes : public testing::Test {
 protected:
  Holes() { test::make_image(path, 16_MiB); }
  void SetUp() override {
    if (holes(16_MiB).empty()) GTEST_SKIP() << "this file system tells of no holes";
  }
  std::vector<ByteRun> holes(ByteCount size) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return holes_of(fd.get(), size).value();
  }
  void fill(std::uint64_t at, std::size_t length) {
    test::write_at(path, ByteIndex(at), ByteVector(length, std::byte{1}));
  }
  test::TemporaryFolder folder;
  std::string path = folder / "image";
};

TEST_F(Holes, AnUnwrittenFileIsOneHole) {
  EXPECT_THAT(holes(16_MiB), ElementsAre(run(0, 16 << 20)));
}

TEST_F(Holes, LieBetweenWhatWasWritten) {
  fill(1 << 20, 1 << 20);
  fill(8 << 20, 1 << 20);
  EXPECT_THAT(holes(16_MiB),
              ElementsAre(run(0, 1 << 20), run(2 << 20, 8 << 20), run(9 << 20, 16 << 20)));
}

TEST_F(Holes, AreClippedToTheSizeAskedFor) {
  fill(1 << 20, 1 << 20);
  EXPECT_THAT(holes(3_MiB), ElementsAre(run(0, 1 << 20), run(2 << 20, 3 << 20)));
  EXPECT_THAT(holes(1_MiB + 1_KiB), ElementsAre(run(0, 1 << 20)));
  EXPECT_THAT(holes(0_B), IsEmpty());
}

TEST_F(Holes, DoNotReachPastTheEndOfTheFile) {
  EXPECT_THAT(holes(64_MiB), ElementsAre(run(0, 16 << 20)));
}

TEST_F(Holes, AFullFileHasNone) {
  fill(0, 16 << 20);
  EXPECT_THAT(holes(16_MiB), IsEmpty());
}

TEST_F(Holes, EveryHoleReadsAsZeros) {
  const auto random = seeded_random(11);
  for (int i = 0; i < 40; ++i) fill(random->below((16 << 20) - 70000), 1 + random->below(70000));
  const ByteVector bytes = test::read_at(path, ByteIndex(0), 16_MiB);
  ByteIndex last_end;
  for (const ByteRun& hole : holes(16_MiB)) {
    EXPECT_LT(hole.begin, hole.end);
    EXPECT_LE(last_end, hole.begin);
    last_end = hole.end;
    EXPECT_TRUE(all_zero(Bytes(bytes).subspan(hole.begin.value(), hole.length().size())));
  }
}

TEST(HolesOfABlockDevice, AreNone) {
  EBB_NEEDS_LOOP_DEVICES();
  test::TemporaryFolder folder;
  test::make_image(folder / "image", 1_MiB);
  const auto loop = test::LoopDevice::attach(folder / "image");
  ASSERT_TRUE(loop) << loop.error().text();
  const UniqueFd fd(::open((*loop)->path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_THAT(holes_of(fd.get(), 1_MiB).value(), IsEmpty());
}

}  // namespace
}  // namespace ebb
