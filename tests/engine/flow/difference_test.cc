// SPDX-License-Identifier: Apache-2.0
// difference_test.cc - what a difference file holds.
#include <gtest/gtest.h>

#include "engine/flow/difference_file.h"
#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

TEST(DifferenceContent, ABlockThatStandsAtTwoPlacesIsThereOnce) {
  const auto random = test::test_random();
  test::FlowWorld world(random->next_u64());
  const std::size_t block = 16 * 1024;
  ByteVector content = test::random_bytes(*random, 40 * block);
  test::FlowWorld::BackupWishes wishes;
  wishes.block_size = *BlockSize::of(16_KiB);
  const auto back_up = [&] {
    MemoryDevice device(world.loop(), {ByteCount(content.size()), 512_B, 512_B});
    std::ranges::copy(content, device.content().begin());
    return world.backup(device, wishes);
  };
  const auto a = back_up();
  ASSERT_TRUE(a) << a.error().text();
  const ByteVector twice = test::random_bytes(*random, block);
  for (const std::size_t at : {3, 30}) {
    std::ranges::copy(twice, content.begin() + static_cast<std::ptrdiff_t>(at * block));
  }
  const auto b = back_up();
  ASSERT_TRUE(b) << b.error().text();

  test::SimulatedFolder out(world.loop(), random->next_u64());
  ASSERT_TRUE(world.export_to(out, a->point, b->point, "file"));
  const auto file = out.open("file");
  ASSERT_TRUE(file);
  const auto difference = DifferenceFile::open(**file, world.loop());
  ASSERT_TRUE(difference) << difference.error().text();
  EXPECT_EQ((*difference)->blocks().size(), 1u);
}

}  // namespace
}  // namespace ebb
