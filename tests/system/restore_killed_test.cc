// SPDX-License-Identifier: Apache-2.0
// A restore that is killed at any time goes on when it is run again, and ends right.
#include <filesystem>
#include <thread>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

using std::chrono::microseconds;

constexpr ByteCount size = 20_MiB;

class KilledRestore {
 public:
  KilledRestore(const EbbProgram& ebb, std::string target, Random& random, microseconds usual)
      : ebb_(ebb), target_(std::move(target)), random_(random), usual_(usual) {}

  // Kills it at any time of its life.
  void kill_anywhere() {
    start()->kill_after(microseconds(random_.below(static_cast<std::uint64_t>(usual_.count()))));
  }
  // Kills it while it writes: soon after its journal is there.
  void kill_while_writing() {
    const auto running = start();
    while (running->runs() && !std::filesystem::exists(ebb_.journal_of(target_))) {
      std::this_thread::sleep_for(microseconds(200));
    }
    running->kill_after(microseconds(random_.below(20'000)));
  }

 private:
  std::unique_ptr<StartedProgram> start() {
    return ebb_.start(ebb_.restore_arguments("disk@latest", target_, {"--yes"}));
  }

  const EbbProgram& ebb_;
  std::string target_;
  Random& random_;
  microseconds usual_;
};

TEST(RestoreKilled, AtAnyTimeGoesOnAndEndsBitForBitRight) {
  EBB_NEEDS_LOOP_DEVICES();
  const auto random = test_random();
  const TemporaryFolder folder;
  const std::string source = folder / "source.img";
  make_image(source, size);
  StampedDevice oracle(source, size, random->next_u64());
  oracle.fill();
  oracle.change(*random, 20);
  const EbbProgram ebb(folder);
  ASSERT_TRUE(ebb.init().ok());
  ASSERT_TRUE(ebb.backup(source, "disk", {"--block-size", "4K"}).ok());

  make_image(folder / "target.img", size);
  const auto target = LoopDevice::attach(folder / "target.img");
  ASSERT_TRUE(target.has_value());
  const std::string path = (*target)->path();
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(ebb.restore("disk@latest", path).ok());
  const auto usual =
      std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - began);
  KilledRestore killed(ebb, path, *random, usual);
  const ByteVector other((1_MiB).size(), std::byte{0xee});
  bool resumed = false;
  for (int i = 0; i < 10; ++i) {
    SCOPED_TRACE(fmt::format("round {}", i));
    for (std::uint64_t at = 0; at < size.value(); at += other.size()) {
      write_at(path, ByteIndex(at), other);
    }
    if (i % 2 == 0)
      killed.kill_while_writing();
    else
      killed.kill_anywhere();
    if (random->below(3) == 0) killed.kill_anywhere();
    const EbbRun ended = ebb.restore("disk@latest", path);
    ASSERT_TRUE(ended.ok()) << ended;
    resumed = resumed || ended.json["resumed"] == true;
    ASSERT_EQ(first_wrong_sector(path, oracle.state()), "");
    EXPECT_FALSE(std::filesystem::exists(ebb.journal_of(path)));
  }
  EXPECT_TRUE(resumed) << "none of ten went on where it was";
}

}  // namespace
}  // namespace ebb::test
