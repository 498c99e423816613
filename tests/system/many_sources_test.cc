// SPDX-License-Identifier: Apache-2.0
// many_sources_test.cc - more sources at once than a storage agent lets run at once: all of them
// are backed up, and it stays within its memory. How fast and how fair it is, bench/wire measures.
#include <filesystem>

#include "engine/repo/pack_writer.h"
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/sanitized.h"
#include "tests/support/seed.h"

namespace ebb::test {
namespace {

constexpr unsigned sources = 32;

// Memory for packs, made at the start, and beside it the program, its index, and what is put by
// runs that wait for room.
constexpr ByteCount most_memory(unsigned runs) {
  return PackMemory::for_runs(runs).total() + 96_MiB;
}
// As it comes it is within the bound that every process of ebb has.
static_assert(most_memory(16) <= 256_MiB);

class ManySources : public testing::TestWithParam<unsigned> {};

TEST_P(ManySources, AtOnceAreAllBackedUpWithinTheAgentsMemory) {
  const auto random = test_random();
  const TemporaryFolder folder;
  EbbProgram ebb(folder);
  StorageProgram agent(folder / "agent.sock", ebb.repository,
                       {"--runs", std::to_string(GetParam())});
  ebb.address = agent.address();
  ASSERT_TRUE(ebb.init().ok());
  const ByteCount size = 12_MiB;
  std::vector<std::string> disks;
  for (unsigned i = 0; i < sources; ++i) {
    disks.push_back(folder / fmt::format("disk-{}.img", i));
    make_image(disks.back(), size);
    write_at(disks.back(), ByteIndex(0), random_bytes(*random, size.size()));
  }
  std::vector<std::unique_ptr<StartedProgram>> running;
  for (unsigned i = 0; i < sources; ++i) {
    running.push_back(
        ebb.start({"backup", disks[i], "--volume", fmt::format("disk-{}", i), "--threads", "1"}));
  }
  for (const auto& one : running) {
    const EbbRun made = end_of(*one);
    EXPECT_TRUE(made.ok()) << made;
  }
  std::printf("the agent had %llu MiB at most\n",
              static_cast<unsigned long long>(agent.peak_kib() / 1024));
  if (!is_sanitized) {
    EXPECT_LT(agent.peak_kib() << 10, most_memory(GetParam()).value());
  }
  for (unsigned i = 0; i < sources; ++i) {
    const EbbRun compared =
        ebb.run({"verify", fmt::format("disk-{}@latest", i), "--against", disks[i]});
    EXPECT_TRUE(compared.ok()) << compared;
  }
}

// As it comes, so that half of them wait; and with room for all.
INSTANTIATE_TEST_SUITE_P(Runs, ManySources, testing::Values(16, sources));

}  // namespace
}  // namespace ebb::test
