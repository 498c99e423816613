// SPDX-License-Identifier: Apache-2.0
// When the log of an XFS is empty, wherever in it the head is, and that everything else is not.
#include "devmap/allocation/xfs_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/seed.h"
#include "tests/support/xfs_log_image.h"

namespace ebb {
namespace {

using test::changes;
using test::XfsLogImage;
using test::XfsLogRecord;
using ::testing::HasSubstr;

constexpr XfsLogRecord unmounted = {};
// So much may be written at once, so that only a log of more than twice as many blocks has some
// that nobody compares.
constexpr std::uint64_t in_flight = 4096;

Result<void> look(const XfsLogImage& log, XfsLogVersion version = XfsLogVersion::two) {
  MemorySource source(log.bytes);
  XfsLogPlace place;
  place.bytes = ByteRun::of(ByteIndex(0), ByteCount(log.bytes.size()));
  place.version = version;
  return check_xfs_log_is_empty(source, place);
}

void expect_empty(const XfsLogImage& log) {
  const auto result = look(log);
  EXPECT_TRUE(result) << result.error().text() << ", head " << log.head();
}

void expect_busy(const XfsLogImage& log, const std::string& text) {
  const auto result = look(log);
  ASSERT_FALSE(result) << "head " << log.head();
  EXPECT_EQ(result.error().kind(), ErrorKind::busy);
  EXPECT_THAT(result.error().text(), HasSubstr(text));
}

// Changes until the head is there, which is not one block from where it is.
void write_until(XfsLogImage& log, std::uint32_t cycle, std::uint64_t head) {
  std::uint64_t left = (cycle - log.cycle()) * log.blocks() + head - log.head();
  while (left > 0) {
    const std::uint64_t now = left <= 65 ? left : 64;
    log.append(changes(now - 1));
    left -= now;
  }
}

TEST(XfsLog, OfANewFileSystemIsEmpty) {
  XfsLogImage log(1024);
  log.append(unmounted);
  expect_empty(log);
}

TEST(XfsLog, OfZerosSaysNothing) {
  expect_busy(XfsLogImage(1024), "holds nothing");
}

TEST(XfsLog, WithChangesAfterTheUnmountIsNotEmpty) {
  XfsLogImage log(1024);
  log.append(unmounted);
  log.append(changes(1));
  expect_busy(log, "does not say that it was unmounted");
  log.append(unmounted);
  expect_empty(log);
}

// Records of random lengths, some of which say "unmounted", over and over the log: what is said of
// it is always what the last one says.
TEST(XfsLog, IsEmptyWhenTheLastRecordSaysSoWhereverTheHeadIs) {
  const auto random = test::test_random();
  for (const std::uint64_t blocks : {40u, 64u, 1000u, 8191u, 8192u, 8193u, 20000u}) {
    XfsLogImage log(blocks);
    for (int i = 0; i < 300; ++i) {
      const bool unmount = random->below(2) == 0;
      XfsLogRecord record = unmount ? unmounted : changes(1);
      const bool large = blocks >= 1000 && random->below(4) == 0;
      record.size = large ? 256 * 1024 : 32 * 1024;
      record.body_blocks = 1 + random->below(large ? 512 : 20);
      log.append(record);
      if (random->below(3) == 0) {
        log.clear_behind_head(std::min(random->below(100), blocks - record.blocks()));
      }
      ASSERT_EQ(look(log).has_value(), unmount) << blocks << " blocks, record " << i;
    }
  }
}

TEST(XfsLog, IsEmptyWhenTheRecordEndsWithTheLogOrGoesAroundIt) {
  for (const std::uint64_t blocks : {100u, 10000u}) {
    for (const std::uint64_t before : {2u, 1u}) {
      for (const std::uint32_t cycle : {1u, 2u, 7u}) {
        XfsLogImage log(blocks);
        write_until(log, cycle, blocks - before);
        ASSERT_EQ(log.head(), blocks - before);
        log.append(unmounted);
        ASSERT_EQ(log.head(), 2 - before);
        expect_empty(log);
      }
    }
  }
}

TEST(XfsLog, KnowsHeadersOfSeveralBlocksAndPaddingToAStripe) {
  for (const std::uint32_t size : {16u * 1024, 32u * 1024, 33u * 1024, 256u * 1024}) {
    XfsLogImage log(2048);
    const XfsLogRecord whole_stripe = {.size = size};
    log.append({.body_blocks = 512 - whole_stripe.header_blocks(), .size = size});
    expect_empty(log);
  }
}

TEST(XfsLog, OfVersion1HasHeadersOfOneBlock) {
  XfsLogImage log(512);
  log.append(unmounted);
  EXPECT_TRUE(look(log, XfsLogVersion::one));
  // What a header says of its size in memory is no header's size there.
  XfsLogImage larger(512);
  larger.append({.size = 64 * 1024});
  EXPECT_FALSE(look(larger, XfsLogVersion::one));
}

TEST(XfsLog, OfVersion2MayHaveRecordsOfVersion1) {
  XfsLogImage log(512);
  log.append({.version = 1, .size = 256 * 1024});
  expect_empty(log);
  XfsLogImage later(512);
  later.append({.version = 3});
  expect_busy(later, "of version 3");
}

TEST(XfsLog, IsNotEmptyWhenTheLastRecordIsTorn) {
  for (const std::uint64_t missing : {1u, 2u, 3u}) {
    XfsLogImage log(256);
    write_until(log, 3, 100);
    log.append({.body_blocks = 3});
    for (std::uint64_t i = 0; i < missing; ++i) log.set_cycle(log.head() - 1 - i, 2);
    expect_busy(log, "blocks and");
  }
}

TEST(XfsLog, IsNotEmptyWhenSomethingWasWrittenBehindAHole) {
  for (const std::uint64_t blocks : {512u, 30000u}) {
    for (const std::uint64_t gap : {1u, 20u, 400u}) {
      XfsLogImage log(blocks);
      write_until(log, 2, blocks / 2);
      log.append(unmounted);
      XfsLogImage later = log;
      if (log.head() + gap >= blocks) continue;
      later.set_cycle(log.head() + gap, 2);
      expect_busy(later, "has cycle");
    }
  }
}

TEST(XfsLog, IsNotEmptyWhenSomethingBeforeTheHeadWasNotWritten) {
  for (const std::uint64_t blocks : {512u, 30000u}) {
    for (const std::uint64_t distance : {2u, 3u, 200u}) {
      XfsLogImage log(blocks);
      write_until(log, 2, blocks / 2);
      log.append(unmounted);
      log.set_cycle(log.head() - distance, 1);
      EXPECT_FALSE(look(log)) << blocks << ", " << distance;
    }
  }
}

// The hole is at the end of the log, the head at its beginning.
TEST(XfsLog, IsNotEmptyWhenTheEndOfTheLogWasNotWritten) {
  XfsLogImage log(30000);
  write_until(log, 3, 50);
  log.append(unmounted);
  expect_empty(log);
  log.set_cycle(30000 - 10, 1);
  expect_busy(log, "has cycle 1, not 2");
}

// As xfsprogs write it: their record, nothing up to the largest length of a record, and then
// headers of the cycle before.
TEST(XfsLog, IsEmptyWhenAToolWroteItAnew) {
  for (const std::uint64_t blocks : {1000u, 30000u}) {
    XfsLogImage log(blocks);
    write_until(log, 3, 0);
    log.append(unmounted);
    log.clear_behind_head(blocks - log.head());
    for (std::uint64_t at = log.head(); at < 512; ++at) log.set_cycle(at, 0);
    expect_empty(log);
    // But what is before the head was written.
    log.set_cycle(1, 0);
    expect_busy(log, "blocks and");
  }
}

TEST(XfsLog, IsNotEmptyWhenItsCyclesMakeNoSense) {
  XfsLogImage log(1024);
  write_until(log, 5, 100);
  log.append(unmounted);
  log.set_cycle(1023, 2);
  expect_busy(log, "begins with cycle 5 and ends with 2");
  log.set_cycle(1023, 4);
  log.set_cycle(511, 9);
  expect_busy(log, "has cycle 9");
}

TEST(XfsLog, IsNotEmptyWhenTheLastRecordIsSomethingElse) {
  const auto with = [](const XfsLogRecord& record) {
    XfsLogImage log(256);
    log.append(record);
    return log;
  };
  expect_busy(with({.operations = 2}), "does not say");
  expect_busy(with({.flags = 0x02}), "does not say");
  expect_busy(with({.client = 0x69}), "does not say");
  expect_busy(with({.uuid = {1}}), "another file system");
  expect_busy(with({.body_blocks = 0}), "blocks and");
}

TEST(XfsLog, OfOneBlockIsNotEmpty) {
  XfsLogImage log(1);
  log.set_cycle(0, 1);
  expect_busy(log, "no record begins");
}

TEST(XfsLog, ThatCannotBeReadIsNoAnswer) {
  MemorySource source({});
  XfsLogPlace place;
  place.bytes = ByteRun::of(ByteIndex(0), 512_KiB);
  const auto result = check_xfs_log_is_empty(source, place);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().text(), HasSubstr("reading the log"));
}

// Anything in one block, somewhere: the answer is "not empty", or it was about a block that says
// nothing.
TEST(XfsLog, DoesNotBreakOnRandomBytes) {
  const auto random = test::test_random();
  XfsLogImage sound(300);
  write_until(sound, 4, 120);
  sound.append(unmounted);
  for (int i = 0; i < 3000; ++i) {
    XfsLogImage log = sound;
    const std::uint64_t at = random->below(log.bytes.size() - 16);
    random->fill(MutableBytes(log.bytes).subspan(at, 1 + random->below(16)));
    const auto result = look(log);
    EXPECT_TRUE(result || result.error().kind() == ErrorKind::busy);
  }
}

// A log of 2 GiB that was written so often and so far, without its memory.
class LargeLog final : public ByteSource {
 public:
  LargeLog(std::uint64_t blocks, std::uint64_t head) : blocks_(blocks), head_(head), end_(64) {
    end_.append(unmounted);
  }
  ByteCount size() const override { return ByteCount(blocks_ * 512); }
  Result<void> read(ByteIndex at, MutableBytes room) override {
    fetched += room.size();
    std::uint64_t done = 0;
    while (done < room.size()) {
      const std::uint64_t number = (at.value() + done) / 512;
      const std::uint64_t length = std::min<std::uint64_t>(512, room.size() - done);
      std::memcpy(room.data() + done, block(number).data(), length);
      done += length;
    }
    return {};
  }
  std::uint64_t fetched = 0;

 private:
  Bytes block(std::uint64_t number) {
    if (number + 2 == head_ || number + 1 == head_) {
      end_.set_cycle(number + 2 - head_, 8);
      return Bytes(end_.bytes).subspan((number + 2 - head_) * 512, 512);
    }
    other_.set_cycle(0, number < head_ ? 8 : 7);
    return other_.bytes;
  }
  std::uint64_t blocks_;
  std::uint64_t head_;
  XfsLogImage end_;
  XfsLogImage other_{1};
};

TEST(XfsLog, OfTheLargestSizeIsNotReadAsAWhole) {
  constexpr std::uint64_t blocks = 4 * 1024 * 1024;
  for (const std::uint64_t head :
       {std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{5000}, blocks / 3, blocks - 1, blocks}) {
    LargeLog log(blocks, head);
    XfsLogPlace place;
    place.bytes = ByteRun::of(ByteIndex(0), log.size());
    const auto result = check_xfs_log_is_empty(log, place);
    EXPECT_TRUE(result) << head << ": " << result.error().text();
    EXPECT_LT(log.fetched, 2 * in_flight * 512 + 512 * 1024) << head;
  }
}

}  // namespace
}  // namespace ebb
