// SPDX-License-Identifier: Apache-2.0
// ring_in_kj_test.cc - stories of the engine take turns in KJ's event loop.
#include "wire/loop/ring_in_kj.h"

#include <gtest/gtest.h>

#include "engine/file/files.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

class RingInKjTest : public testing::Test {
 protected:
  RingInKjTest()
      : io_(kj::setupAsyncIo()),
        ring_(Ring::make().value()),
        workers_(*ring_, 2),
        kj_(*ring_, io_) {
    files_ = open_folder(folder_.path(), *ring_).value();
  }
  ~RingInKjTest() noexcept override = default;

  // Writes a file in many turns and reads it back.
  Result<ByteVector> write_and_read(const std::string& name, std::size_t turns, std::byte fill) {
    const ByteVector piece(4096, fill);
    auto file = TRY(files_->create(name));
    for (std::size_t i = 0; i < turns; ++i) {
      TRY(write_and_wait(*ring_, *file, ByteIndex(i * piece.size()), piece));
      order_.push_back(fill);
    }
    TRY(sync_and_wait(*ring_, *file));
    return read_small_file(*files_, *ring_, name, 1_MiB);
  }

  test::TemporaryFolder folder_;
  kj::AsyncIoContext io_;
  std::unique_ptr<Ring> ring_;
  Workers workers_;
  RingInKj kj_;
  std::unique_ptr<Files> files_;
  std::vector<std::byte> order_;
};

TEST_F(RingInKjTest, AStoryOnTheProgramsOwnStackWaitsAsItAlwaysDid) {
  const auto read = write_and_read("a", 3, std::byte{1});
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(*read, ByteVector(3 * 4096, std::byte{1}));
}

TEST_F(RingInKjTest, StoriesInFibersTakeTurns) {
  auto a = kj_.in_fiber([this] { return write_and_read("a", 20, std::byte{1}); });
  auto b = kj_.in_fiber([this] { return write_and_read("b", 20, std::byte{2}); });
  const auto read_a = kj_.wait_for(kj::mv(a));
  const auto read_b = kj_.wait_for(kj::mv(b));
  ASSERT_TRUE(read_a) << read_a.error().text();
  ASSERT_TRUE(read_b) << read_b.error().text();
  EXPECT_EQ(*read_a, ByteVector(20 * 4096, std::byte{1}));
  EXPECT_EQ(*read_b, ByteVector(20 * 4096, std::byte{2}));
  // Neither was done before the other began.
  const auto first_b = std::ranges::find(order_, std::byte{2});
  EXPECT_LT(first_b - order_.begin(), 20);
}

TEST_F(RingInKjTest, WorkersWakeAStory) {
  struct Counting : Job {
    bool done_ = false;
  };
  const auto story = [this]() -> Result<int> {
    int ran = 0;
    for (; ran < 50; ++ran) {
      Counting job;
      job.work = [](Job&, unsigned) {};
      job.done = [](Job& j) { static_cast<Counting&>(j).done_ = true; };
      workers_.submit(job);
      while (!job.done_) TRY(ring_->run_once());
    }
    return ran;
  };
  auto one = kj_.in_fiber(story);
  auto two = kj_.in_fiber(story);
  EXPECT_EQ(kj_.wait_for(kj::mv(one)).value(), 50);
  EXPECT_EQ(kj_.wait_for(kj::mv(two)).value(), 50);
  EXPECT_EQ(story().value(), 50);
}

TEST_F(RingInKjTest, AStoryWaitsForAPromiseWhileOthersGoOn) {
  auto paf = kj::newPromiseAndFulfiller<int>();
  auto waiting = kj_.in_fiber([&] { return kj_.wait_for(kj::mv(paf.promise)); });
  auto writing = kj_.in_fiber([this] { return write_and_read("a", 5, std::byte{3}); });
  ASSERT_TRUE(kj_.wait_for(kj::mv(writing)));
  paf.fulfiller->fulfill(41);
  EXPECT_EQ(kj_.wait_for(kj::mv(waiting)), 41);
}

}  // namespace
}  // namespace ebb
