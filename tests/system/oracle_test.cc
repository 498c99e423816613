// SPDX-License-Identifier: Apache-2.0
// Devices whose every sector is known, through generations of changes, backups and restores.
#include <gtest/gtest.h>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

struct Generation {
  std::string point;
  StampedDevice::State state;
};

// What a person finds in `target` before it is overwritten.
void make_used(const std::string& path, ByteCount size) {
  make_image(path, size);
  write_at(path, ByteIndex(0), ByteVector(size.size(), std::byte{0xa5}));
}

std::unique_ptr<LoopDevice> attach(const std::string& image, ByteCount sector) {
  LoopOptions options;
  options.sector = sector;
  auto device = LoopDevice::attach(image, options);
  EBB_CHECK(device.has_value(), "a loop device cannot be attached");
  return *std::move(device);
}

std::string one_of(Random& random, const std::vector<std::string>& choices) {
  return choices[random.below(choices.size())];
}

// Backs up `device` (whose bytes are `oracle`'s) after each of some changes, and puts every point
// back onto a used `target`; every byte is compared.
void go_round(Random& random, const EbbProgram& ebb, StampedDevice& oracle,
              const std::string& device, const std::string& target) {
  const std::string block_size = one_of(random, {"4K", "16K", "64K", "256K", "1M"});
  const std::string compress = one_of(random, {"none", "lz4", "zstd:1"});
  SCOPED_TRACE(
      fmt::format("{} bytes, blocks of {}, {}", oracle.state().size.value(), block_size, compress));
  std::vector<Generation> generations;
  for (unsigned i = 0; i < 3; ++i) {
    oracle.change(random, 1 + static_cast<unsigned>(random.below(i == 0 ? 60 : 12)));
    ASSERT_EQ(first_wrong_sector(device, oracle.state()), "") << "before the backup";
    const EbbRun made =
        ebb.backup(device, "oracle", {"--block-size", block_size, "--compress", compress});
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_EQ(made.json["device_size"], oracle.state().size.value());
    EXPECT_EQ(first_wrong_sector(device, oracle.state()), "") << "after the backup";
    generations.push_back({made.json["point"], oracle.state()});
  }
  for (std::size_t i = 0; i < generations.size(); ++i) {
    const Generation& g = generations[i];
    // The first goes over bytes of somebody else, the others over the one before.
    const EbbProgram::Arguments how =
        i == 2 ? EbbProgram::Arguments{"--in-place"} : EbbProgram::Arguments{};
    const EbbRun restored = ebb.restore(g.point, target, how);
    ASSERT_TRUE(restored.ok()) << restored;
    ASSERT_EQ(first_wrong_sector(target, g.state), "") << "generation " << i;
  }
  const EbbRun verified = ebb.run({"verify"});
  EXPECT_TRUE(verified.ok()) << verified;
}

class OracleDevice : public testing::TestWithParam<int> {};

TEST_P(OracleDevice, ComesBackByteForByteAfterEveryGeneration) {
  EBB_NEEDS_LOOP_DEVICES();
  const auto random = test_random();
  const ByteCount sector = GetParam() % 2 == 0 ? 512_B : 4_KiB;
  // Some are multiples of a block, most are not.
  const ByteCount size = sector * ((2_MiB).value() / sector.value() +
                                   random->below((10_MiB).value() / sector.value()));
  const TemporaryFolder folder;
  make_image(folder / "source.img", size);
  make_used(folder / "target.img", size);
  const auto source = attach(folder / "source.img", sector);
  const auto target = attach(folder / "target.img", sector);
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  StampedDevice oracle(source->path(), size, random->next_u64());
  go_round(*random, ebb, oracle, source->path(), target->path());
}

INSTANTIATE_TEST_SUITE_P(Random, OracleDevice, testing::Range(0, 4));

TEST(OracleImage, OfAnyLengthInBytesComesBackByteForByte) {
  const auto random = test_random();
  const ByteCount size(1 + random->below((6_MiB).value()));
  const TemporaryFolder folder;
  make_image(folder / "source.img", size);
  make_used(folder / "target.img", size);
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  StampedDevice oracle(folder / "source.img", size, random->next_u64());
  go_round(*random, ebb, oracle, folder / "source.img", folder / "target.img");
}

TEST(OracleDeviceZeroes, AreWrittenOverWhatAUsedTargetHeld) {
  EBB_NEEDS_LOOP_DEVICES();
  const ByteCount size = 5_MiB + 512_B;
  const TemporaryFolder folder;
  make_image(folder / "source.img", size);
  make_used(folder / "target.img", size);
  const auto source = attach(folder / "source.img", 512_B);
  const auto target = attach(folder / "target.img", 512_B);
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  const StampedDevice oracle(source->path(), size, 1);  // All zeroes.
  const EbbRun made = ebb.backup(source->path(), "zeroes");
  ASSERT_TRUE(made.ok()) << made;
  EXPECT_EQ(made.json["blocks_shipped"], 0);
  const EbbRun restored = ebb.restore("zeroes@latest", target->path());
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(first_wrong_sector(target->path(), oracle.state()), "");
}

}  // namespace
}  // namespace ebb::test
