// SPDX-License-Identifier: Apache-2.0
// What the tracker in the kernel marks, and when it says that its marks are worth nothing.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/support/block_writes.h"
#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/own_mounts.h"
#include "tests/support/tracked_copy.h"

namespace ebb::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t block = 4096;
const BlockSize fine = BlockSize::of(4_KiB).value();

ByteRun blocks(std::uint64_t first, std::uint64_t count) {
  return ByteRun::of(ByteIndex(first * block), ByteCount(count * block));
}

// The first and the last block of each run of marked ones.
using MarkedRun = std::pair<std::uint64_t, std::uint64_t>;

MarkedRun run(std::uint64_t first, std::uint64_t last) {
  return {first, last};
}

std::vector<MarkedRun> runs_of(const DirtyMap& marks) {
  std::vector<MarkedRun> runs;
  BlockIndex at;
  while (const auto dirty = marks.next_dirty(at, marks.grid().count())) {
    runs.push_back(run(dirty->begin.value(), dirty->end.value() - 1));
    at = dirty->end;
  }
  return runs;
}

class Tracked : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_TRACKER();
    make_image(folder / "image", 64_MiB);
    loop = LoopDevice::attach(folder / "image").value();
    device = loop->path();
  }
  void TearDown() override {
    if (loop) (void)Tracker::stop(device);
  }
  std::unique_ptr<Tracker> start(const std::string& path) {
    auto tracker = Tracker::start(path, {fine});
    EXPECT_TRUE(tracker) << tracker.error().text();
    return std::move(*tracker);
  }
  // What is marked in a tracker's open epoch, which is closed and forgotten.
  static std::vector<MarkedRun> take(Tracker& tracker) {
    const auto closed = tracker.switch_epoch();
    EXPECT_TRUE(closed) << closed.error().text();
    EXPECT_EQ(closed->everything, "");
    EXPECT_TRUE(tracker.forget(closed->token.epoch));
    return runs_of(closed->marks);
  }

  TemporaryFolder folder;
  std::unique_ptr<LoopDevice> loop;
  std::string device;
};

TEST_F(Tracked, NothingIsMarkedWhereNothingWasWritten) {
  const auto tracker = start(device);
  EXPECT_THAT(take(*tracker), IsEmpty());
}

TEST_F(Tracked, EachWayToWriteMarksItsBlocksAndNoOthers) {
  const auto tracker = start(device);
  write_direct(device, blocks(10, 2), 1);
  EXPECT_THAT(take(*tracker), ElementsAre(run(10, 11)));
  write_buffered(device, {ByteIndex(20 * block + 1), ByteIndex(21 * block + 5)}, 2);
  EXPECT_THAT(take(*tracker), ElementsAre(run(20, 21)));
  write_mapped(device, {ByteIndex(30 * block + 7), ByteIndex(30 * block + 9)}, 3);
  EXPECT_THAT(take(*tracker), ElementsAre(run(30, 30)));
  discard(device, blocks(40, 3));
  EXPECT_THAT(take(*tracker), ElementsAre(run(40, 42)));
  write_zeroes(device, blocks(50, 1));
  EXPECT_THAT(take(*tracker), ElementsAre(run(50, 50)));
  punch_hole(device, blocks(60, 5));
  EXPECT_THAT(take(*tracker), ElementsAre(run(60, 64)));
}

TEST_F(Tracked, SectorsMarkTheBlocksThatTheyLieIn) {
  const auto tracker = start(device);
  discard(device, {ByteIndex(8 * block - 512), ByteIndex(8 * block + 512)});
  EXPECT_THAT(take(*tracker), ElementsAre(run(7, 8)));
}

TEST_F(Tracked, LongRunsAreMarkedWhole) {
  const auto tracker = start(device);
  discard(device, blocks(0, 16384));
  EXPECT_THAT(take(*tracker), ElementsAre(run(0, 16383)));
  discard(device, blocks(63, 2 + 64 * 100));
  EXPECT_THAT(take(*tracker), ElementsAre(run(63, 6464)));
  write_zeroes(device, blocks(64, 128));
  EXPECT_THAT(take(*tracker), ElementsAre(run(64, 191)));
}

TEST_F(Tracked, ReadsAndFlushesMarkNothing) {
  const auto tracker = start(device);
  const UniqueFd fd(::open(device.c_str(), O_RDWR | O_CLOEXEC));
  char bytes[4096];
  EXPECT_EQ(::pread(fd.get(), bytes, sizeof bytes, 0), 4096);
  EXPECT_EQ(::fsync(fd.get()), 0);
  EXPECT_THAT(take(*tracker), IsEmpty());
}

TEST_F(Tracked, ADiskSeesWritesToItsPartitionsInTheirPlace) {
  const std::string first = loop->add_partition(1, blocks(256, 4096)).value();
  const std::string second = loop->add_partition(2, blocks(8192, 1024)).value();
  const auto tracker = start(device);
  write_direct(second, blocks(10, 1), 1);
  EXPECT_THAT(take(*tracker), ElementsAre(run(8202, 8202)));
  discard(first, blocks(0, 1));
  EXPECT_THAT(take(*tracker), ElementsAre(run(256, 256)));
}

TEST_F(Tracked, APartitionSeesWritesPastItToTheDisk) {
  const std::string first = loop->add_partition(1, blocks(256, 4096)).value();
  const std::string second = loop->add_partition(2, blocks(8192, 1024)).value();
  const auto tracker = start(second);
  write_direct(second, blocks(10, 1), 1);
  EXPECT_THAT(take(*tracker), ElementsAre(run(10, 10)));
  write_direct(first, blocks(10, 1), 1);
  write_direct(device, blocks(0, 4), 1);
  EXPECT_THAT(take(*tracker), IsEmpty());
  write_direct(device, blocks(8190, 4), 1);
  EXPECT_THAT(take(*tracker), ElementsAre(run(0, 1)));
  discard(device, blocks(9200, 100));
  EXPECT_THAT(take(*tracker), ElementsAre(run(1008, 1023)));
  (void)Tracker::stop(second);
}

TEST_F(Tracked, OtherDevicesAreNotItsConcern) {
  make_image(folder / "other", 64_MiB);
  const auto other = LoopDevice::attach(folder / "other").value();
  const auto tracker = start(device);
  write_direct(other->path(), blocks(1, 1), 1);
  EXPECT_THAT(take(*tracker), IsEmpty());
}

TEST_F(Tracked, WhatWasClosedComesAgainUntilItIsForgotten) {
  const auto tracker = start(device);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    write_direct(device, blocks(i * 10, 1), 1);
    const auto closed = tracker->switch_epoch();
    ASSERT_TRUE(closed) << closed.error().text();
    EXPECT_EQ(runs_of(closed->marks).size(), i);
    EXPECT_EQ(closed->token.epoch, i);
    EXPECT_EQ(closed->covers_from, 1u);
  }
  EXPECT_FALSE(tracker->forget(3)) << "epoch 4 holds its marks, too";
  write_direct(device, blocks(7, 1), 1);
  ASSERT_TRUE(tracker->forget(4));
  EXPECT_THAT(take(*tracker), ElementsAre(run(7, 7)));
}

TEST_F(Tracked, MarksAreGoodForPointsOfTheEpochBeforeThem) {
  const auto tracker = start(device);
  const TrackToken first = tracker->switch_epoch().value().token;
  ASSERT_TRUE(tracker->forget(first.epoch));
  const ClosedEpoch second = tracker->switch_epoch().value();
  EXPECT_EQ(second.why_not_since(first), "");
  EXPECT_EQ(second.why_not_since(TrackToken::parse(first.text()).value()), "");
  EXPECT_NE(second.why_not_since(second.token), "") << "a point that was made after them";
  const ClosedEpoch third = tracker->switch_epoch().value();
  EXPECT_EQ(third.why_not_since(first), "") << "nobody forgot the second";
  EXPECT_EQ(third.why_not_since(second.token), "");
  ASSERT_TRUE(tracker->forget(third.token.epoch));
  const ClosedEpoch fourth = tracker->switch_epoch().value();
  EXPECT_EQ(fourth.why_not_since(third.token), "");
  EXPECT_THAT(fourth.why_not_since(first), HasSubstr("another point"));
  TrackToken of_another_boot = third.token;
  of_another_boot.boot_id = "another";
  EXPECT_THAT(fourth.why_not_since(of_another_boot), HasSubstr("booted"));
}

TEST_F(Tracked, MarksStayWhenTheProgramThatAskedForThemEnds) {
  EbbProgram ebb(folder);
  const EbbRun started = ebb.run({"track", "start", device, "--block-size", "4K"});
  ASSERT_TRUE(started.ok()) << started;
  EXPECT_EQ(started.json["path"], device);
  write_direct(device, blocks(5, 1), 1);
  const EbbRun status = ebb.run({"track", "status"});
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(status.json.size(), 1u) << status;
  EXPECT_EQ(status.json[0]["blocks_marked"], 1) << status;
  EXPECT_EQ(status.json[0]["sound"], true) << status;
  const auto tracker = Tracker::open(device);
  ASSERT_TRUE(tracker) << tracker.error().text();
  EXPECT_THAT(take(**tracker), ElementsAre(run(5, 5)));
  EXPECT_TRUE(ebb.run({"track", "start", device}).ok()) << "it is tracked already";
  EXPECT_EQ((*tracker)->status().value().epoch, 2u) << "and goes on";
  EXPECT_TRUE(ebb.run({"track", "stop", device}).ok());
  EXPECT_FALSE(ebb.run({"track", "stop", device}).ok());
  EXPECT_FALSE(Tracker::open(device));
  EXPECT_FALSE((*tracker)->switch_epoch());
}

TEST_F(Tracked, AStartAnewIsAnotherTracker) {
  const auto tracker = start(device);
  const TrackToken before = tracker->switch_epoch().value().token;
  ASSERT_TRUE(Tracker::stop(device));
  const auto anew = start(device);
  const ClosedEpoch closed = anew->switch_epoch().value();
  EXPECT_THAT(closed.why_not_since(before), HasSubstr("not tracked all the time"));
  EXPECT_FALSE(tracker->switch_epoch()) << "the former one's maps are not the new one's";
}

TEST_F(Tracked, AnotherSizeMakesItsMarksWorthNothing) {
  const auto tracker = start(device);
  resize_image(folder / "image", 65_MiB);
  ASSERT_TRUE(loop->refresh_size());
  const auto closed = tracker->switch_epoch();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind(), ErrorKind::mismatch);
  EXPECT_FALSE(Tracker::open(device));
  EXPECT_NE(tracker->status().value().broken, "");
  const auto anew = start(device);
  EXPECT_EQ(anew->status().value().size, 65_MiB);
  write_direct(device, blocks(16385, 1), 1);
  EXPECT_THAT(take(*anew), ElementsAre(run(16385, 16385)));
}

TEST_F(Tracked, AnotherDiskUnderItsNumberMakesItsMarksWorthNothing) {
  const auto tracker = start(device);
  const std::string number = tracker->status().value().device;
  loop.reset();
  EXPECT_FALSE(tracker->switch_epoch()) << "it has gone";
  loop = LoopDevice::attach(folder / "image").value();
  if (loop->path() != device) GTEST_SKIP() << "somebody took the number";
  write_direct(device, blocks(1, 1), 1);
  const auto closed = tracker->switch_epoch();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind(), ErrorKind::mismatch);
  EXPECT_TRUE(Tracker::stop(device));
}

TEST_F(Tracked, AProgramThatWasDetachedIsMissed) {
  const auto tracker = start(device);
  struct stat status {};
  ASSERT_EQ(::stat(device.c_str(), &status), 0);
  const std::string pinned =
      fmt::format("/sys/fs/bpf/ebb/{}_{}", major(status.st_rdev), minor(status.st_rdev));
  for (const char* link : {"link_queue", "link_remap", "link_bio_complete", "link_rq_complete"}) {
    ASSERT_TRUE(std::filesystem::exists(pinned + "/" + link));
  }
  ASSERT_TRUE(std::filesystem::remove(pinned + "/link_remap"));
  EXPECT_FALSE(tracker->switch_epoch());
  EXPECT_FALSE(Tracker::open(device));
  EXPECT_EQ(Tracker::list().value().size(), 1u);
  EXPECT_NE(Tracker::list().value()[0].broken, "");
}

TEST_F(Tracked, AHugeDeviceIsMarkedInCoarserBlocks) {
  const std::string huge = folder / "huge";
  make_image(huge, 1_GiB);
  if (::truncate(huge.c_str(), static_cast<off_t>((15ull << 40))) != 0) GTEST_SKIP() << "no room";
  const auto big = LoopDevice::attach(huge).value();
  const auto tracker = start(big->path());
  const TrackStatus status = tracker->status().value();
  EXPECT_EQ(status.block, 128_KiB);
  EXPECT_LE(status.memory, 64_MiB);
  const std::uint64_t last = (15ull << 40) / block - 1;
  write_direct(big->path(), blocks(last, 1), 1);
  write_direct(big->path(), blocks(32, 1), 1);
  EXPECT_THAT(take(*tracker), ElementsAre(run(1, 1), run(last / 32, last / 32)));
  EXPECT_TRUE(Tracker::stop(big->path()));
}

TEST_F(Tracked, WhatIsNoBlockDeviceIsRefused) {
  const auto tracker = Tracker::start(folder / "image");
  ASSERT_FALSE(tracker);
  EXPECT_EQ(tracker.error().kind(), ErrorKind::invalid);
}

// A device whose writes stay under way for as long as the test likes: its image lies on a file
// system that is frozen.
class Stuck : public Tracked {
 protected:
  void SetUp() override {
    Tracked::SetUp();
    if (IsSkipped()) return;
    EBB_NEEDS_PROGRAM("mkfs.ext4");
    ASSERT_TRUE(run_program({"mkfs.ext4", "-q", device}).ok());
    std::filesystem::create_directory(folder / "mount");
    mount = Mount::at(device, folder / "mount", "ext4").value();
    make_image(folder / "mount/image", 16_MiB);
    above = LoopDevice::attach(folder / "mount/image", {.direct_io = true}).value();
  }
  void TearDown() override {
    thaw();
    if (writer.joinable()) writer.join();
    if (above) (void)Tracker::stop(above->path());
    above.reset();
    mount.reset();
    Tracked::TearDown();
  }
  void freeze() {
    frozen = UniqueFd(::open((folder / "mount").c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::ioctl(frozen.get(), FIFREEZE, 0), 0);
  }
  void thaw() {
    if (!frozen.is_open()) return;
    EXPECT_EQ(::ioctl(frozen.get(), FITHAW, 0), 0);
    frozen.reset();
  }
  // The write has been queued when this returns, and does not complete before the thaw.
  void begin_to_write(std::uint64_t at) {
    writer = std::thread([this, at] { write_direct(above->path(), blocks(at, 2), 1); });
  }
  static void wait_until_under_way(Tracker& tracker) {
    while (tracker.status().value().under_way == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  std::unique_ptr<Mount> mount;
  std::unique_ptr<LoopDevice> above;
  UniqueFd frozen;
  std::thread writer;
};

TEST_F(Stuck, AWriteThatIsUnderWayAtTheSwitchIsMarkedOnBothSides) {
  const auto tracker = start(above->path());
  freeze();
  begin_to_write(100);
  wait_until_under_way(*tracker);
  EXPECT_THAT(take(*tracker), ElementsAre(run(100, 101)));
  EXPECT_THAT(take(*tracker), ElementsAre(run(100, 101))) << "its data are still to come";
  thaw();
  writer.join();
  EXPECT_THAT(take(*tracker), ElementsAre(run(100, 101)));
  EXPECT_THAT(take(*tracker), IsEmpty());
}

TEST_F(Stuck, AWriteFromBeforeTheTrackerIsMarkedWhenItEnds) {
  const auto before = start(above->path());
  freeze();
  begin_to_write(100);
  wait_until_under_way(*before);  // It only tells when the write has been queued.
  ASSERT_TRUE(Tracker::stop(above->path()));
  const auto tracker = start(above->path());
  EXPECT_THAT(take(*tracker), IsEmpty());
  thaw();
  writer.join();
  EXPECT_THAT(take(*tracker), ElementsAre(run(100, 101)));
  EXPECT_THAT(take(*tracker), IsEmpty());
}

}  // namespace
}  // namespace ebb::test
