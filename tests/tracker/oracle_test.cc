// SPDX-License-Identifier: Apache-2.0
// No change is missed: copies that are kept by a tracker's marks alone stay equal to their devices.
//
// In each round others write to the device in every way there is while epochs are switched under
// them, at random; then all is quiet, and the copy must be the device, byte for byte.
// EBB_TRACK_ROUNDS says how many rounds; tests/tracker/soak.sh runs thousands.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/support/block_writes.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/own_mounts.h"
#include "tests/support/seed.h"
#include "tests/support/started_program.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tracked_copy.h"
#include "tests/support/zram_device.h"

namespace ebb::test {
namespace {

const BlockSize fine = BlockSize::of(4_KiB).value();

std::uint64_t rounds_or(std::uint64_t few) {
  const char* given = std::getenv("EBB_TRACK_ROUNDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : few;
}

// Threads that disturb a device, each with a seed of its own, until they have done their share.
class Writers {
 public:
  Writers(const std::vector<std::pair<std::string, ByteCount>>& devices, std::uint64_t seed) {
    for (const auto& [device, size] : devices) {
      threads_.emplace_back([device = device, size = size, seed = ++seed] {
        const auto random = seeded_random(seed);
        const std::uint64_t times = 20 + random->below(100);
        for (std::uint64_t i = 0; i < times; ++i) disturb(device, size, *random);
      });
    }
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::vector<std::thread> threads_;
};

// A backup that may fail, now or a moment later.
void back_up(TrackedCopy& copy, Random& random) {
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(8000)));
  copy.update(random.below(4) == 0 ? BackupEnds::in_failure : BackupEnds::well);
}

class Oracle : public testing::Test {
 protected:
  void SetUp() override { EBB_NEEDS_TRACKER(); }
  std::unique_ptr<LoopDevice> make_disk(ByteCount size) {
    make_image(folder / "image", size);
    return LoopDevice::attach(folder / "image", {.direct_io = random->below(2) == 0}).value();
  }
  static void report(const TrackedCopy& copy, std::uint64_t rounds) {
    std::printf("%llu rounds, %llu updates, %llu of them of everything, %.0f MiB read\n",
                static_cast<unsigned long long>(rounds),
                static_cast<unsigned long long>(copy.updates()),
                static_cast<unsigned long long>(copy.whole_updates()),
                static_cast<double>(copy.bytes_read().value()) / (1 << 20));
  }
  // Now and then the kernel leaves a program out, and all is read once; not as a rule.
  static void expect_of_use(const TrackedCopy& copy) {
    EXPECT_LE(copy.whole_updates() * 10, copy.updates());
  }
  std::unique_ptr<Random> random = test_random();
  TemporaryFolder folder;
};

TEST_F(Oracle, ADiskThatIsWrittenInEveryWay) {
  const auto disk = make_disk(16_MiB);
  TrackedCopy copy(disk->path(), fine);
  const std::uint64_t rounds = rounds_or(8);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Writers writers({{disk->path(), 16_MiB}, {disk->path(), 16_MiB}, {disk->path(), 16_MiB}},
                    random->next_u64());
    for (std::uint64_t i = random->below(5); i > 0; --i) back_up(copy, *random);
    writers.join();
    settle(disk->path());
    copy.update();
    const auto different = copy.first_difference();
    ASSERT_FALSE(different) << "round " << round << ": " << *different;
  }
  report(copy, rounds);
  expect_of_use(copy);
}

TEST_F(Oracle, ADiskAndAPartitionOfItWhileBothAndAnotherAreWritten) {
  const auto disk = make_disk(16_MiB);
  const std::string first = disk->add_partition(1, ByteRun::of(ByteIndex(1 << 20), 6_MiB)).value();
  const std::string second = disk->add_partition(2, ByteRun::of(ByteIndex(7 << 20), 8_MiB)).value();
  TrackedCopy of_disk(disk->path(), BlockSize::of(16_KiB).value());
  TrackedCopy of_second(second, fine);
  const std::uint64_t rounds = rounds_or(8);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Writers writers({{disk->path(), 16_MiB}, {first, 6_MiB}, {second, 8_MiB}}, random->next_u64());
    for (std::uint64_t i = random->below(4); i > 0; --i) {
      back_up(random->below(2) == 0 ? of_disk : of_second, *random);
    }
    writers.join();
    for (const std::string& device : {disk->path(), first, second}) settle(device);
    for (TrackedCopy* copy : {&of_disk, &of_second}) {
      copy->update();
      const auto different = copy->first_difference();
      ASSERT_FALSE(different) << "round " << round << ": " << *different;
    }
  }
  report(of_disk, rounds);
  report(of_second, rounds);
  expect_of_use(of_disk);
  expect_of_use(of_second);
}

TEST_F(Oracle, ADiskWithoutRequests) {
  const auto disk = ZramDevice::make(16_MiB);
  if (!disk) GTEST_SKIP() << disk.error().text();
  const std::string device = (*disk)->path();
  TrackedCopy copy(device, fine);
  const std::uint64_t rounds = rounds_or(8);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    Writers writers({{device, 16_MiB}, {device, 16_MiB}, {device, 16_MiB}}, random->next_u64());
    for (std::uint64_t i = random->below(5); i > 0; --i) back_up(copy, *random);
    writers.join();
    settle(device);
    copy.update();
    const auto different = copy.first_difference();
    ASSERT_FALSE(different) << "round " << round << ": " << *different;
    ASSERT_EQ(copy.tracker().status().value().under_way, 0u) << "an end was not seen";
  }
  report(copy, rounds);
  expect_of_use(copy);
}

// Switches epochs again and again, until it is killed.
class Switcher {
 public:
  explicit Switcher(const std::string& device) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // It would go on for ever.
    const auto tracker = Tracker::open(device);
    while (tracker && (*tracker)->switch_epoch()) {
    }
    ::_exit(1);
  }
  void kill() const {
    int status = 0;
    ::kill(pid_, SIGKILL);
    ASSERT_EQ(::waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it could not switch";
  }

 private:
  pid_t pid_;
};

TEST_F(Oracle, ADiskWhoseEpochsAreSwitchedByProgramsThatAreKilled) {
  const auto disk = make_disk(16_MiB);
  TrackedCopy copy(disk->path(), fine);
  const std::uint64_t rounds = rounds_or(8);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const Switcher switcher(disk->path());
    Writers writers({{disk->path(), 16_MiB}, {disk->path(), 16_MiB}}, random->next_u64());
    const std::chrono::microseconds until_killed(random->below(100000));
    std::thread killer([&] {
      std::this_thread::sleep_for(until_killed);
      switcher.kill();
    });
    copy.update();
    copy.update();
    killer.join();
    writers.join();
    settle(disk->path());
    copy.update();
    const auto different = copy.first_difference();
    ASSERT_FALSE(different) << "round " << round << ": " << *different;
  }
  report(copy, rounds);
  expect_of_use(copy);
}

// A file system under fio: buffered, direct and mapped at once; files come and go, and what they
// had is trimmed.
class FileSystemOracle : public Oracle,
                         public testing::WithParamInterface<std::vector<std::string>> {
 protected:
  std::string mount_type() const { return GetParam().at(0).substr(5); }  // After "mkfs.".

  std::unique_ptr<StartedProgram> start_fio() {
    const std::string job = fmt::format(
        "[global]\ndirectory={}\ntime_based=1\nruntime={}ms\nsize=3m\nrandseed={}\nrw=randwrite\n"
        "fallocate=none\nbsrange=512-32k\n"
        "[buffered]\nioengine=psync\nfsync={}\n"
        "[direct]\nioengine=io_uring\ndirect=1\niodepth=8\nbsrange=4k-64k\n"
        "[mapped]\nioengine=mmap\nbs=4k\n",
        folder / "mount", 50 + random->below(250), random->below(1u << 30), 1 + random->below(64));
    write_text(folder / "job.fio", job);
    return StartedProgram::start({find_program("fio"), folder / "job.fio"}, {});
  }
  void change_files(std::uint64_t round) const {
    const std::string kept = fmt::format("{}/kept-{}", folder / "mount", round % 4);
    std::filesystem::remove(kept);
    make_image(kept, 512_KiB);
    write_at(kept, ByteIndex(4096), ByteVector(100000, static_cast<std::byte>(round)));
  }
  void trim() const {
    const UniqueFd fd(::open((folder / "mount").c_str(), O_RDONLY | O_CLOEXEC));
    fstrim_range range{0, ~0ull, 0};
    (void)::ioctl(fd.get(), FITRIM, &range);  // Not every backing file can.
  }
  // Read-only, nothing of the file system is left to be written. (Frozen would be the same, and
  // would stay so for ever if this program were killed meanwhile.)
  static void compare_at_rest(TrackedCopy& copy, const Mount& mount, std::uint64_t round) {
    ASSERT_TRUE(mount.make_read_only());
    copy.update();
    const auto different = copy.first_difference();
    ASSERT_TRUE(mount.make_writable());
    ASSERT_FALSE(different) << "round " << round << ": " << *different;
  }
};

TEST_P(FileSystemOracle, UnderLoad) {
  EBB_NEEDS_PROGRAM("fio");
  if (find_program(GetParam().at(0)).empty()) GTEST_SKIP() << "no " << GetParam().at(0);
  const auto disk = make_disk(64_MiB);
  const std::string node = disk->add_partition(1, ByteRun::of(ByteIndex(1 << 20), 62_MiB)).value();
  std::vector<std::string> mkfs = GetParam();
  mkfs.push_back(node);
  const auto made = run_program(mkfs);
  if (!made.ok()) GTEST_SKIP() << made.output;
  std::filesystem::create_directory(folder / "mount");
  const auto mount = Mount::at(node, folder / "mount", mount_type()).value();
  TrackedCopy copy(node, fine);
  const std::uint64_t rounds = rounds_or(4);
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const std::unique_ptr<StartedProgram> fio = start_fio();
    change_files(round);
    for (std::uint64_t i = random->below(6); i > 0; --i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random->below(60)));
      back_up(copy, *random);
    }
    trim();
    ASSERT_EQ(fio->exit_code(), 0) << fio->output() << fio->errors();
    compare_at_rest(copy, *mount, round);
    if (HasFatalFailure()) return;
  }
  report(copy, rounds);
  expect_of_use(copy);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FileSystemOracle,
                         testing::Values(std::vector<std::string>{"mkfs.ext4", "-q", "-F"},
                                         std::vector<std::string>{"mkfs.xfs", "-q", "-f",
                                                                  "--unsupported"}),
                         [](const auto& made) { return made.param.at(0).substr(5); });

}  // namespace
}  // namespace ebb::test
