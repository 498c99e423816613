// SPDX-License-Identifier: Apache-2.0
#include "tools/common/source_memory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "tests/support/image_file.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace ebb::test {
namespace {

TEST(SourceMemory, ComesBackAsItWasWritten) {
  const auto random = test_random();
  const TemporaryFolder folder;
  const VolumeId volume = random->name<VolumeId>();
  const PointId point = random->name<PointId>();
  const auto changed = change_source_memory(folder / "state", [&](SourceMemory& memory) {
    memory.members_epoch = 7;
    memory.volumes[volume] = {41, point};
  });
  ASSERT_TRUE(changed.has_value());
  const SourceMemory read = read_source_memory(folder / "state");
  EXPECT_EQ(read.members_epoch, 7u);
  ASSERT_EQ(read.volumes.size(), 1u);
  EXPECT_EQ(read.volumes.at(volume).sequence, 41u);
  EXPECT_EQ(read.volumes.at(volume).id, point);
  EXPECT_FALSE(std::filesystem::exists(folder / "state.new"));
}

TEST(SourceMemory, KeepsWhatRunsThatEndTogetherTellIt) {
  const auto random = test_random();
  const TemporaryFolder folder;
  std::vector<VolumeId> volumes(8);
  for (VolumeId& volume : volumes) volume = random->name<VolumeId>();
  std::vector<std::thread> runs;
  for (const VolumeId& volume : volumes) {
    runs.emplace_back([&] {
      for (std::uint64_t i = 1; i <= 50; ++i) {
        const auto changed = change_source_memory(
            folder / "state", [&](SourceMemory& memory) { memory.volumes[volume].sequence = i; });
        EXPECT_TRUE(changed.has_value());
      }
    });
  }
  for (std::thread& run : runs) run.join();
  const SourceMemory read = read_source_memory(folder / "state");
  for (const VolumeId& volume : volumes) EXPECT_EQ(read.volumes.at(volume).sequence, 50u);
}

TEST(SourceMemory, ThatCannotBeReadIsEmpty) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_source_memory(folder / "absent").members_epoch, 0u);
  for (const char* text : {"", "[]", "{", "{\"members_epoch\": -1, \"volumes\": 3}",
                           "{\"volumes\": {\"zz\": {\"point\": 1}}}"}) {
    write_text(folder / "state", text);
    const SourceMemory read = read_source_memory(folder / "state");
    EXPECT_EQ(read.members_epoch, 0u) << text;
    EXPECT_TRUE(read.volumes.empty()) << text;
  }
}

}  // namespace
}  // namespace ebb::test
