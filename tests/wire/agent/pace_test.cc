// SPDX-License-Identifier: Apache-2.0
// pace_test.cc - content goes as fast as a ticket says, and no slower than it may.
#include "wire/agent/pace.h"

#include <gtest/gtest.h>

namespace ebb::test {
namespace {

class PaceTest : public testing::Test {
 protected:
  PaceTest() : io_(kj::setupAsyncIo()), ring_(Ring::make().value()), kj_(*ring_, io_) {}
  ~PaceTest() noexcept override = default;

  // Of KJ's clock, by which stories wait; they never wake early.
  kj::Duration time_for(Pace& pace, std::vector<ByteCount> counts) {
    const auto began = io_.provider->getTimer().now();
    std::vector<kj::Promise<void>> stories;
    for (const ByteCount count : counts) {
      stories.push_back(kj_.in_fiber([&, count] { pace.take(count, link_); }));
    }
    for (auto& story : stories) kj_.wait_for(kj::mv(story));
    return io_.provider->getTimer().now() - began;
  }

  kj::AsyncIoContext io_;
  std::unique_ptr<Ring> ring_;
  RingInKj kj_;
  PeerLink link_{kj_, "a peer"};
};

TEST_F(PaceTest, LetsThroughWhatOneSecondHoldsAndMakesTheRestWait) {
  Pace pace(kj_, (10_MiB).value());
  // The first is taken from the second that was saved; the one after the second waits for it.
  EXPECT_GE(time_for(pace, {10_MiB, 4_MiB, 1_MiB}), 390 * kj::MILLISECONDS);
}

TEST_F(PaceTest, SavesNoMoreThanASecond) {
  Pace pace(kj_, (1_MiB).value());
  kj_.wait_for(io_.provider->getTimer().afterDelay(1200 * kj::MILLISECONDS));
  EXPECT_GE(time_for(pace, {1_MiB, 256_KiB, 1_KiB}), 240 * kj::MILLISECONDS);
}

TEST_F(PaceTest, KeepsNobodyWhoseConnectionHasEnded) {
  Pace pace(kj_, 1);
  link_.closed();
  EXPECT_LT(time_for(pace, {1_MiB, 1_MiB, 1_MiB}), 60 * kj::SECONDS);
}

}  // namespace
}  // namespace ebb::test
