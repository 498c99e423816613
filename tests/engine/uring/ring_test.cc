// SPDX-License-Identifier: Apache-2.0
#include "engine/uring/ring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <memory>
#include <thread>

#include "engine/buffer/arena.h"
#include "engine/file/files.h"
#include "engine/uring/two_way_fd.h"
#include "tests/support/image_file.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

struct Counted : Transfer {
  bool done = false;
  int calls = 0;
  Result<void> result;
};
void count(Transfer& transfer, Result<void> result) {
  auto& counted = static_cast<Counted&>(transfer);
  counted.result = std::move(result);
  counted.done = true;
  ++counted.calls;
}

class RingTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Ring::make();
    if (!made) GTEST_SKIP() << made.error().text();
    ring_ = std::move(*made);
  }
  UniqueFd open_file(const std::string& name, int flags = O_RDWR) {
    UniqueFd fd(::open((folder_ / name).c_str(), flags | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd.is_open());
    return fd;
  }
  Result<void> run(Counted& transfer, int fd, Way way, std::uint64_t at, MutableBytes data) {
    transfer.fd = fd;
    transfer.way = way;
    transfer.at = ByteIndex(at);
    transfer.data = data;
    transfer.settled = count;
    ring_->submit(transfer);
    while (!transfer.done) EXPECT_TRUE(ring_->run_once());
    EXPECT_EQ(transfer.calls, 1);
    return transfer.result;
  }
  Result<void> run(int fd, Way way, std::uint64_t at, MutableBytes data) {
    Counted transfer;
    return run(transfer, fd, way, at, data);
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<Ring> ring_;
};

TEST_F(RingTest, WritesAreReadBackAtAnyOffsetAndLength) {
  const auto random = test::test_random();
  const UniqueFd fd = open_file("f");
  ByteVector model(300'000);
  ASSERT_TRUE(run(fd.get(), Way::write, 0, model));
  for (int i = 0; i < 200; ++i) {
    const std::uint64_t at = random->below(model.size());
    ByteVector data = test::random_bytes(*random, random->below(model.size() - at + 1));
    ASSERT_TRUE(run(fd.get(), Way::write, at, data));
    std::ranges::copy(data, model.begin() + static_cast<std::ptrdiff_t>(at));
    ByteVector read(random->below(model.size() + 1));
    const std::uint64_t from = random->below(model.size() - read.size() + 1);
    ASSERT_TRUE(run(fd.get(), Way::read, from, read));
    ASSERT_TRUE(same_bytes(read, Bytes(model).subspan(from, read.size())));
  }
  EXPECT_TRUE(run(fd.get(), Way::sync_data, 0, {}));
}

TEST_F(RingTest, ATransferLargerThanThePiecesOfTheKernelIsWhole) {
  const UniqueFd fd = open_file("f");
  ByteVector data(130u << 20);
  for (std::size_t i = 0; i < data.size(); i += 4096) data[i] = static_cast<std::byte>(i >> 12);
  ASSERT_TRUE(run(fd.get(), Way::write, 1, data));
  ByteVector read(data.size());
  ASSERT_TRUE(run(fd.get(), Way::read, 1, read));
  EXPECT_TRUE(same_bytes(read, data));
}

// A pipe gives what is in it, so every read comes short.
TEST_F(RingTest, ShortTransfersAreContinued) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  const auto random = test::test_random();
  const ByteVector data = test::random_bytes(*random, 200'000);
  std::thread writer([&] {
    for (std::size_t at = 0; at < data.size();) {
      const std::size_t n = std::min(data.size() - at, 1 + at % 5000);
      at += static_cast<std::size_t>(::write(in.get(), data.data() + at, n));
    }
    in.reset();
  });
  ByteVector read(data.size());
  // A stream ignores the offset, which grows with every piece.
  EXPECT_TRUE(run(out.get(), Way::read, 0, read));
  writer.join();
  EXPECT_TRUE(same_bytes(read, data));
  ByteVector more(1);
  EXPECT_EQ(run(out.get(), Way::read, 0, more).error().kind(), ErrorKind::lost);
}

TEST_F(RingTest, ReadingPastTheEndIsLost) {
  const UniqueFd fd = open_file("f");
  test::write_text(folder_ / "f", "twelve bytes");
  ByteVector room(13);
  EXPECT_EQ(run(fd.get(), Way::read, 0, room).error().kind(), ErrorKind::lost);
  EXPECT_EQ(run(fd.get(), Way::read, 12, room).error().kind(), ErrorKind::lost);
  room.resize(12);
  EXPECT_TRUE(run(fd.get(), Way::read, 0, room));
  EXPECT_EQ(text_of(room), "twelve bytes");
  EXPECT_TRUE(run(fd.get(), Way::read, 0, {})) << "nothing is always there";
}

// The image was cut while it was read: what direct I/O had left is not aligned any more.
TEST_F(RingTest, ReadingPastTheEndWithDirectIoIsLostToo) {
  const auto arena = Arena::make(1_MiB, nullptr);
  ASSERT_TRUE(arena);
  for (const std::uint64_t size : {0u, 1u, 511u, 512u, 1000u, 4096u, 5000u, 8192u}) {
    test::make_image(folder_ / "f", ByteCount(size));
    const auto fd = TwoWayFd::open(folder_ / "f", O_RDONLY, 4_KiB);
    ASSERT_TRUE(fd);
    Counted transfer;
    transfer.data = (*arena)->take(16_KiB);
    const auto read = run(transfer, fd->for_transfer(transfer), Way::read, 0, transfer.data);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind(), ErrorKind::lost) << size << ": " << read.error().text();
  }
}

TEST_F(RingTest, AFullDeviceIsFull) {
  const UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
  if (!full.is_open()) GTEST_SKIP() << "no /dev/full";
  ByteVector data(4096);
  EXPECT_EQ(run(full.get(), Way::write, 0, data).error().kind(), ErrorKind::full);
}

TEST_F(RingTest, ErrorsOfTheKernelBecomeOurs) {
  const UniqueFd read_only = open_file("f", O_RDONLY);
  ByteVector data(10);
  EXPECT_FALSE(run(read_only.get(), Way::write, 0, data));
  EXPECT_FALSE(run(-1, Way::read, 0, data));
  // A directory cannot be read.
  const UniqueFd folder(::open(folder_.path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(run(folder.get(), Way::read, 0, data));
}

TEST_F(RingTest, MoreTransfersThanItHoldsAllEndOnce) {
  const auto random = test::test_random();
  const UniqueFd fd = open_file("f");
  ByteVector content = test::random_bytes(*random, 2000 * 512);
  ASSERT_TRUE(run(fd.get(), Way::write, 0, content));
  std::vector<std::unique_ptr<Counted>> transfers;
  ByteVector rooms(content.size());
  for (std::size_t i = 0; i < 2000; ++i) {
    auto transfer = std::make_unique<Counted>();
    transfer->fd = fd.get();
    transfer->at = ByteIndex(i * 512);
    transfer->data = MutableBytes(rooms).subspan(i * 512, 512);
    transfer->settled = count;
    ring_->submit(*transfer);
    transfers.push_back(std::move(transfer));
  }
  const auto all_done = [&] {
    return std::ranges::all_of(transfers, [](const auto& t) { return t->done; });
  };
  while (!all_done()) ASSERT_TRUE(ring_->run_once());
  for (const auto& transfer : transfers) {
    EXPECT_EQ(transfer->calls, 1);
    EXPECT_TRUE(transfer->result);
  }
  EXPECT_TRUE(same_bytes(rooms, content));
}

TEST_F(RingTest, RegisteredMemoryGivesTheSameBytes) {
  const auto random = test::test_random();
  const UniqueFd fd = open_file("f");
  ByteVector content = test::random_bytes(*random, 100'000);
  ASSERT_TRUE(run(fd.get(), Way::write, 0, content));
  for (int round = 0; round < 3; ++round) {  // Registered, given back, registered again.
    const auto arena = Arena::make(2_MiB, ring_.get());
    ASSERT_TRUE(arena);
    const MutableBytes whole = (*arena)->take(100'000_B);
    ASSERT_TRUE(run(fd.get(), Way::read, 0, whole));
    EXPECT_TRUE(same_bytes(whole, content));
    random->fill(whole);
    ASSERT_TRUE(run(fd.get(), Way::write, 0, whole));
    content = copy_of(whole);
    // Beside it: memory that is not registered.
    ByteVector other(100'000);
    ASSERT_TRUE(run(fd.get(), Way::read, 0, other));
    EXPECT_TRUE(same_bytes(other, content));
  }
}

struct WakingJob : Job {
  int done_count = 0;
};

TEST_F(RingTest, AWorkerWakesARingThatWaitsForNothingElse) {
  Workers workers(*ring_, 1);
  for (int i = 0; i < 100; ++i) {
    WakingJob job;
    job.work = [](Job&, unsigned) { std::this_thread::yield(); };
    job.done = [](Job& j) { ++static_cast<WakingJob&>(j).done_count; };
    workers.submit(job);
    while (job.done_count == 0) ASSERT_TRUE(ring_->run_once());
    EXPECT_EQ(job.done_count, 1);
  }
}

// What another event loop relies on: whenever a job has ended, poll(2) says so.
TEST_F(RingTest, ItsDescriptorBecomesReadableWheneverAJobHasEnded) {
  Workers workers(*ring_, 1);
  const int watched = ring_->descriptor().value();
  for (int i = 0; i < 200; ++i) {
    WakingJob job;
    job.work = [](Job&, unsigned) {};
    job.done = [](Job& j) { ++static_cast<WakingJob&>(j).done_count; };
    workers.submit(job);
    pollfd wanted{watched, POLLIN, 0};
    while (job.done_count == 0) {
      // A minute is as good as never: the ring's own descriptor is found readable in the end.
      const auto began = std::chrono::steady_clock::now();
      ASSERT_EQ(::poll(&wanted, 1, 60'000), 1) << "round " << i;
      ASSERT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(50));
      ASSERT_TRUE(ring_->deliver());
    }
  }
}

// Each byte wakes all reads of a pipe and completes one: the kernel goes on with the others and
// waits anew, for which there is no completion. On a disk it is the same when it has too many
// requests at once.
TEST_F(RingTest, ItsDescriptorBecomesReadableHoweverManyTransfersGoOnWithoutAnEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  const int watched = ring_->descriptor().value();
  std::array<Counted, 200> transfers;
  ByteVector rooms(transfers.size());
  for (std::size_t i = 0; i < transfers.size(); ++i) {
    transfers[i].fd = reading.get();
    transfers[i].data = MutableBytes(rooms).subspan(i, 1);
    transfers[i].settled = count;
    ring_->submit(transfers[i]);
  }
  ASSERT_TRUE(ring_->start_queued());
  for (std::ptrdiff_t byte = 1; byte <= std::ssize(transfers); ++byte) {
    ASSERT_EQ(::write(writing.get(), "x", 1), 1);
    while (std::ranges::count(transfers, true, &Counted::done) < byte) {
      pollfd wanted{watched, POLLIN, 0};
      ASSERT_EQ(::poll(&wanted, 1, 60'000), 1) << "byte " << byte << " woke nobody";
      bool more = true;
      while (more) more = ring_->deliver().value();
    }
  }
}

TEST_F(RingTest, TransfersAndJobsEndSideBySide) {
  const auto random = test::test_random();
  const UniqueFd fd = open_file("f");
  ByteVector content = test::random_bytes(*random, 64 * 4096);
  ASSERT_TRUE(run(fd.get(), Way::write, 0, content));
  Workers workers(*ring_, 2);
  std::array<WakingJob, 64> jobs;
  std::array<Counted, 64> transfers;
  ByteVector rooms(content.size());
  for (std::size_t i = 0; i < 64; ++i) {
    jobs[i].work = [](Job&, unsigned) {};
    jobs[i].done = [](Job& j) { ++static_cast<WakingJob&>(j).done_count; };
    workers.submit(jobs[i]);
    transfers[i].fd = fd.get();
    transfers[i].at = ByteIndex(i * 4096);
    transfers[i].data = MutableBytes(rooms).subspan(i * 4096, 4096);
    transfers[i].settled = count;
    ring_->submit(transfers[i]);
  }
  const auto all_done = [&] {
    return std::ranges::all_of(jobs, [](const auto& j) { return j.done_count == 1; }) &&
           std::ranges::all_of(transfers, [](const auto& t) { return t.done; });
  };
  while (!all_done()) ASSERT_TRUE(ring_->run_once());
  EXPECT_TRUE(same_bytes(rooms, content));
}

}  // namespace
}  // namespace ebb
