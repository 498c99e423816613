// SPDX-License-Identifier: Apache-2.0
#include "wire/link/wide_stream.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace ebb::test {
namespace {

// One end is widened, the other is as it is.
class WideStream : public testing::Test {
 protected:
  WideStream() : scope_(loop_) {
    auto pipe = kj::newTwoWayPipe();
    wide_ = widened(kj::mv(pipe.ends[0]));
    plain_ = kj::mv(pipe.ends[1]);
  }
  ~WideStream() noexcept override = default;
  // What comes until the end, in reads of `least` to `most` bytes.
  static kj::Promise<void> read_all(kj::AsyncIoStream& from, ByteVector& into, Random& random) {
    const std::size_t most = 1 + random.below(random.below(2) == 0 ? 10'000 : 400'000);
    const std::size_t least = 1 + random.below(most);
    const std::size_t before = into.size();
    into.resize(before + most);
    return from.tryRead(into.data() + before, least, most)
        .then([&, before, least](std::size_t count) -> kj::Promise<void> {
          into.resize(before + count);
          if (count < least) return kj::READY_NOW;
          return read_all(from, into, random);
        });
  }
  static kj::Promise<void> write_all(kj::AsyncIoStream& to, Bytes bytes, Random& random) {
    if (bytes.empty()) {
      to.shutdownWrite();
      return kj::READY_NOW;
    }
    const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random.below(20'000));
    return to.write(bytes.data(), size).then([&to, bytes, size, &random] {
      return write_all(to, bytes.subspan(size), random);
    });
  }

  kj::EventLoop loop_;
  kj::WaitScope scope_;
  kj::Own<kj::AsyncIoStream> wide_;
  kj::Own<kj::AsyncIoStream> plain_;
  std::unique_ptr<Random> random_ = test_random();
};

TEST_F(WideStream, CarriesEveryByteBothWaysHoweverItIsCut) {
  const ByteVector there = random_bytes(*random_, 3'000'000);
  const ByteVector back = random_bytes(*random_, 3'000'000);
  ByteVector arrived_there;
  ByteVector arrived_back;
  kj::joinPromises(kj::arr(write_all(*wide_, there, *random_), write_all(*plain_, back, *random_),
                           read_all(*plain_, arrived_there, *random_),
                           read_all(*wide_, arrived_back, *random_)))
      .wait(scope_);
  EXPECT_TRUE(same_bytes(arrived_there, there));
  EXPECT_TRUE(same_bytes(arrived_back, back));
}

TEST_F(WideStream, MakesOneWriteOfManySmallOnes) {
  const ByteVector bytes = random_bytes(*random_, 50'000);
  auto room = kj::heapArray<kj::byte>(100'000);
  auto read = plain_->tryRead(room.begin(), 1, room.size());
  for (std::size_t at = 0; at < bytes.size(); at += 1000) {
    wide_->write(bytes.data() + at, 1000).wait(scope_);
  }
  EXPECT_EQ(read.wait(scope_), bytes.size());
  EXPECT_EQ(std::memcmp(room.begin(), bytes.data(), bytes.size()), 0);
}

TEST_F(WideStream, HoldsBackWhoWritesMoreThanIsTaken) {
  const ByteVector bytes = random_bytes(*random_, 10'000);
  unsigned writes = 0;
  for (; writes < 1000; ++writes) {
    if (!wide_->write(bytes.data(), bytes.size()).poll(scope_)) break;
  }
  EXPECT_LT(writes, 30u);
}

TEST_F(WideStream, TellsAFailureAtTheNextWrite) {
  plain_ = nullptr;
  wide_->write("lost", 4).wait(scope_);
  EXPECT_FALSE(kj::Promise<void>(kj::NEVER_DONE).poll(scope_));  // Everybody has a turn.
  EXPECT_ANY_THROW(wide_->write("more", 4).wait(scope_));
}

}  // namespace
}  // namespace ebb::test
