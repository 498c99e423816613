// SPDX-License-Identifier: Apache-2.0
// Image files: holes cost nothing, and a device may change its size between backups.
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

TEST(SparseImage, WithATebibyteOfHolesReadsOnlyItsData) {
  const auto random = test_random();
  const TemporaryFolder folder;
  const std::string image = folder / "sparse.img";
  const ByteCount size = 1024_GiB + 12345_B;
  make_image(image, size);
  constexpr std::uint64_t places = 8;
  for (std::uint64_t i = 0; i < places; ++i) {
    write_at(image, ByteIndex(random->below(size.value() - 10'000)), random_bytes(*random, 10'000));
  }
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  const EbbRun first = ebb.backup(image, "sparse");
  ASSERT_TRUE(first.ok()) << first;
  // Each place shares bytes with at most two blocks of 64 KiB, and file systems round holes.
  const std::uint64_t most_read = places * (256_KiB).value();
  EXPECT_LE(first.json["bytes_read"], most_read);
  EXPECT_LE(first.json["blocks_shipped"], places * 2);
  EXPECT_LT(bytes_in_packs(ebb.repository), (8_MiB).value());

  write_at(image, ByteIndex((500_GiB).value()), random_bytes(*random, 1));
  const EbbRun second = ebb.backup(image, "sparse");
  ASSERT_TRUE(second.ok()) << second;
  EXPECT_LE(second.json["bytes_read"], most_read + (256_KiB).value());
  EXPECT_EQ(second.json["blocks_changed"], 1);
  EXPECT_EQ(second.json["blocks_shipped"], 1);
}

TEST(ChangingSize, OfAnImageGivesPointsOfEachSizeThatComeBackRight) {
  const auto random = test_random();
  const TemporaryFolder folder;
  const std::string image = folder / "image.img";
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  make_image(image, 3_MiB);
  StampedDevice oracle(image, 3_MiB, random->next_u64());
  oracle.fill();
  std::vector<std::pair<std::string, StampedDevice::State>> points;
  // It grows by no whole block, then shrinks into the middle of one.
  for (const ByteCount size : {3_MiB, 5_MiB + 512_B, 2_MiB + 66_KiB}) {
    resize_image(image, size);
    oracle.resize(size);
    oracle.change(*random, 5);
    const EbbRun made = ebb.backup(image, "image");
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_EQ(made.json["device_size"], size.value());
    points.emplace_back(made.json["point"], oracle.state());
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string target = folder / fmt::format("target-{}.img", i);
    const EbbRun restored = ebb.restore(points[i].first, target);
    ASSERT_TRUE(restored.ok()) << restored;
    EXPECT_EQ(first_wrong_sector(target, points[i].second), "") << "point " << i;
  }
  EXPECT_TRUE(ebb.run({"verify"}).ok());
}

TEST(ChangingSize, OfALoopDeviceIsBackedUpToItsNewEnd) {
  EBB_NEEDS_LOOP_DEVICES();
  const auto random = test_random();
  const TemporaryFolder folder;
  const std::string image = folder / "image.img";
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  make_image(image, 2_MiB);
  const auto device = LoopDevice::attach(image);
  ASSERT_TRUE(device.has_value());
  StampedDevice oracle((*device)->path(), 2_MiB, random->next_u64());
  oracle.fill();
  ASSERT_TRUE(ebb.backup((*device)->path(), "disk").ok());
  resize_image(image, 3_MiB + 512_B);
  ASSERT_TRUE((*device)->refresh_size().has_value());
  oracle.resize(3_MiB + 512_B);
  oracle.fill();
  const EbbRun made = ebb.backup((*device)->path(), "disk");
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["device_size"], (3_MiB + 512_B).value());
  const EbbRun restored = ebb.restore("disk@latest", folder / "target.img");
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(first_wrong_sector(folder / "target.img", oracle.state()), "");
}

}  // namespace
}  // namespace ebb::test
