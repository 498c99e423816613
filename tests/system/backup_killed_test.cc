// SPDX-License-Identifier: Apache-2.0
// Backups that are killed, and backups that meet: what is committed stays, what was shipped is not
// shipped again.
#include <signal.h>

#include <filesystem>
#include <thread>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

using std::chrono::microseconds;

void make_noise(const std::string& path, ByteCount size, Random& random) {
  make_image(path, size);
  for (std::uint64_t at = 0; at < size.value(); at += (8_MiB).value()) {
    const std::uint64_t length = std::min((8_MiB).value(), size.value() - at);
    write_at(path, ByteIndex(at), random_bytes(random, static_cast<std::size_t>(length)));
  }
}

TEST(BackupKilled, LeavesASoundRepositoryAndTheNextShipsNothingTwice) {
  const auto random = test_random();
  const TemporaryFolder folder;
  const std::string old_disk = folder / "old.img";
  make_image(old_disk, 4_MiB);
  StampedDevice oracle(old_disk, 4_MiB, random->next_u64());
  oracle.fill();
  // Larger than two packs, which is what a killed backup leaves behind whole.
  const std::string disk = folder / "disk.img";
  const ByteCount size = 150_MiB;
  make_noise(disk, size, *random);
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  ASSERT_TRUE(ebb.backup(old_disk, "old").ok());
  const std::uint64_t before = bytes_in_packs(ebb.repository);
  const std::size_t packs_before = packs_of(ebb.repository).size();

  for (int i = 0; i < 6; ++i) {
    SCOPED_TRACE(fmt::format("kill {}", i));
    const auto running = ebb.start({"backup", disk, "--volume", "new"});
    if (i == 5) {  // Once surely after a whole pack.
      while (running->runs() && packs_of(ebb.repository).size() == packs_before) {
        std::this_thread::sleep_for(microseconds(500));
      }
    }
    running->kill_after(microseconds(random->below(300'000)));
    const EbbRun scrubbed = ebb.scrub();
    ASSERT_TRUE(scrubbed.ok()) << scrubbed;
  }
  const EbbRun verified = ebb.run({"verify"});
  ASSERT_TRUE(verified.ok()) << verified;

  const std::uint64_t left_behind = bytes_in_packs(ebb.repository) - before;
  const EbbRun done = ebb.backup(disk, "new");
  ASSERT_TRUE(done.ok()) << done;
  EXPECT_GT(left_behind, 0u);
  EXPECT_LT(done.json["blocks_shipped"], done.json["blocks_total"]);
  // All blocks once, with headers, tables and some 3 % of parity.
  EXPECT_LT(bytes_in_packs(ebb.repository) - before, size.value() + size.value() / 16);
  const EbbRun old_restored = ebb.restore("old@latest", folder / "old-again.img");
  ASSERT_TRUE(old_restored.ok()) << old_restored;
  EXPECT_EQ(first_wrong_sector(folder / "old-again.img", oracle.state()), "");
  const EbbRun compared = ebb.run({"verify", "new@latest", "--against", disk});
  EXPECT_TRUE(compared.ok()) << compared;
}

TEST(BackupsAtOnce, BothSucceedOrOneIsToldToWaitAndNothingIsLost) {
  const auto random = test_random();
  const TemporaryFolder folder;
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  const std::vector<std::string> names{"one", "two"};
  for (const std::string& name : names) make_noise(folder / name, 40_MiB, *random);
  std::vector<std::unique_ptr<StartedProgram>> running;
  for (const std::string& name : names) {
    running.push_back(ebb.start({"backup", folder / name, "--volume", name}));
  }
  std::vector<EbbRun> ends;
  for (const auto& program : running) ends.push_back(end_of(*program));
  int done = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const EbbRun& run = ends[i];
    if (run.ok()) {
      ++done;
      continue;
    }
    EXPECT_TRUE(run.is(ExitCode::busy)) << run;
    EXPECT_TRUE(run.err.find("wait") != std::string::npos ||
                run.err.find("try again") != std::string::npos)
        << run;
    const EbbRun again = ebb.backup(folder / names[i], names[i]);
    EXPECT_TRUE(again.ok()) << again;
  }
  EXPECT_GE(done, 1);
  for (const std::string& name : names) {
    const EbbRun compared = ebb.run({"verify", name + "@latest", "--against", folder / name});
    EXPECT_TRUE(compared.ok()) << compared;
  }
  const EbbRun verified = ebb.run({"verify"});
  EXPECT_TRUE(verified.ok()) << verified;
}

TEST(BackupInterrupted, BySigintSaysSoAndCanBeRepeated) {
  const auto random = test_random();
  const TemporaryFolder folder;
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  make_noise(folder / "disk", 100_MiB, *random);
  const auto running = ebb.start({"backup", folder / "disk", "--volume", "disk"});
  while (running->runs() && std::filesystem::is_empty(ebb.repository + "/tmp")) {
    std::this_thread::sleep_for(microseconds(200));
  }
  running->signal(SIGINT);
  const EbbRun run = end_of(*running);
  // It may just have ended.
  EXPECT_TRUE(run.is(ExitCode::interrupted) || run.ok()) << run;
  EXPECT_TRUE(ebb.scrub().ok());
  EXPECT_TRUE(ebb.backup(folder / "disk", "disk").ok());
  EXPECT_TRUE(ebb.run({"verify", "disk@latest", "--against", folder / "disk"}).ok());
}

}  // namespace
}  // namespace ebb::test
