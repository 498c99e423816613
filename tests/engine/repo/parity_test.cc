// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/parity.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/packs.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::PackContent;

constexpr std::size_t step = 4096;
constexpr std::size_t torn = 64 * 1024;
constexpr std::size_t run = 1024 * 1024;

enum class Harm { flip_all, zero, random_bytes };

// A pack and the same pack to be harmed; harm is undone by repair or by hand.
class HarmedPack {
 public:
  HarmedPack(Random& random, std::size_t records, std::size_t payload)
      : random_(random),
        sound_(test::pack_bytes(test::random_pack_content(random, records, payload), 1)),
        harmed_(sound_) {}

  std::size_t size() const { return sound_.size(); }
  void harm(std::size_t at, std::size_t length, Harm how) {
    const MutableBytes part = MutableBytes(harmed_).subspan(at, std::min(length, size() - at));
    if (how == Harm::random_bytes) random_.fill(part);
    for (std::byte& b : part) {
      if (how == Harm::flip_all) b = ~b;
      if (how == Harm::zero) b = std::byte{0};
    }
  }
  testing::AssertionResult is_mended() {
    const auto repaired = test::repair(harmed_);
    if (!repaired) return testing::AssertionFailure() << "no copy of the tail is sound";
    if (!repaired->lost.empty()) {
      return testing::AssertionFailure()
             << repaired->lost.size() << " chunks lost, the first " << repaired->lost.front();
    }
    if (!same_bytes(harmed_, sound_)) {
      const auto wrong = std::ranges::mismatch(harmed_, sound_).in1 - harmed_.begin();
      return testing::AssertionFailure() << "mended into other bytes at " << wrong;
    }
    return testing::AssertionSuccess();
  }
  MutableBytes harmed() { return harmed_; }
  Bytes sound() const { return sound_; }

 private:
  Random& random_;
  ByteVector sound_;
  ByteVector harmed_;
};

void expect_every_run_is_mended(HarmedPack& pack, std::size_t length, Harm how) {
  for (std::size_t at = 0; at < pack.size(); at += step) {
    pack.harm(at, length, how);
    ASSERT_TRUE(pack.is_mended()) << length << " bytes from " << at << " of " << pack.size();
  }
}

void expect_some_runs_are_mended(Random& random, HarmedPack& pack, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const auto how = static_cast<Harm>(random.below(3));
    const std::size_t anywhere = random.below(pack.size());
    pack.harm(anywhere, torn, how);
    ASSERT_TRUE(pack.is_mended()) << "64 KiB from " << anywhere << " of " << pack.size();
    const std::size_t at = random.below(pack.size() / step) * step;
    pack.harm(at, run, how);
    ASSERT_TRUE(pack.is_mended()) << "1 MiB from " << at << " of " << pack.size();
  }
}

TEST(Parity, MendsAnyRunInAPackOfOneRecord) {
  const auto random = test::test_random();
  HarmedPack pack(*random, 1, 5000);
  expect_every_run_is_mended(pack, torn, Harm::flip_all);
  expect_every_run_is_mended(pack, torn, Harm::zero);
  expect_every_run_is_mended(pack, run, Harm::flip_all);
  expect_every_run_is_mended(pack, run, Harm::zero);
}

TEST(Parity, MendsAnyRunInASmallPack) {
  const auto random = test::test_random();
  HarmedPack pack(*random, 24, 65536);
  expect_every_run_is_mended(pack, torn, Harm::random_bytes);
  expect_every_run_is_mended(pack, run, Harm::random_bytes);
  expect_every_run_is_mended(pack, run, Harm::zero);
}

// Every remainder of data chunks by stripes, so that the turn of the parity has every value.
TEST(Parity, MendsTheRunsAroundTheTailAtEveryTurnOfTheStripes) {
  const auto random = test::test_random();
  for (std::size_t chunks = 1; chunks <= 2 * pack_stripes + 1; ++chunks) {
    HarmedPack pack(*random, chunks, pack_chunk.size() - 200);
    const auto tail = test::find_tail(pack.sound());
    ASSERT_TRUE(tail);
    const std::size_t end = tail->first_tail_at().value();
    for (int i = 0; i < 6; ++i) {
      const std::size_t back = random->below(std::min(end, run) / step + 1) * step;
      pack.harm(end - back, run, Harm::flip_all);
      ASSERT_TRUE(pack.is_mended()) << chunks << " chunks, from " << end - back;
    }
  }
}

TEST(Parity, MendsRunsInAPackOfTenMebibytes) {
  const auto random = test::test_random();
  HarmedPack pack(*random, 160, 65536);
  expect_some_runs_are_mended(*random, pack, 60);
}

TEST(Parity, MendsRunsInALargestPack) {
  const auto random = test::test_random();
  HarmedPack pack(*random, (max_pack_data.size() - 4096) / (65536 + 64 + 40), 65536);
  expect_some_runs_are_mended(*random, pack, 12);
  // Where data, tail and parity meet, and the file's end.
  const auto tail = test::find_tail(pack.sound());
  for (const ByteIndex border :
       {tail->first_tail_at(), tail->parity_at(), tail->chunk_at(tail->data_chunks + pack_stripes),
        tail->second_tail_at(), ByteIndex(pack.size())}) {
    for (const std::size_t back : {run, run - step, run / 2, step, std::size_t{0}}) {
      pack.harm(border.value() - back, run, Harm::flip_all);
      ASSERT_TRUE(pack.is_mended()) << "from " << border.value() - back;
    }
  }
}

TEST(Parity, ASingleFlippedBitAnywhereIsMended) {
  const auto random = test::test_random();
  HarmedPack pack(*random, 2, 30000);
  for (int i = 0; i < 300; ++i) {
    const std::size_t at = random->below(pack.size());
    pack.harmed()[at] ^= static_cast<std::byte>(1u << random->below(8));
    ASSERT_TRUE(pack.is_mended()) << "a bit of byte " << at;
  }
}

// Random chunks are destroyed. A stripe with no more lost data chunks than sound parity chunks
// comes back; of the others exactly the destroyed chunks are lost and keep their bytes.
void expect_exactly_the_solvable_is_mended(Random& random, HarmedPack& pack, std::size_t harmed) {
  const auto tail = test::find_tail(pack.sound());
  ASSERT_TRUE(tail);
  std::vector<std::uint32_t> chunks(tail->all_chunks());
  std::vector<bool> bad(tail->all_chunks());
  for (std::size_t i = 0; i < harmed; ++i) {
    const auto chunk = static_cast<std::uint32_t>(random.below(tail->all_chunks()));
    pack.harm(tail->chunk_at(chunk).value() + random.below(pack_chunk.size()), 1, Harm::flip_all);
  }
  ByteVector expected = copy_of(pack.harmed());
  std::vector<std::uint32_t> expected_lost;
  for (std::uint32_t chunk = 0; chunk < tail->all_chunks(); ++chunk) {
    const auto at = tail->chunk_at(chunk).value();
    bad[chunk] = !same_bytes(Bytes(expected).subspan(at, pack_chunk.size()),
                             pack.sound().subspan(at, pack_chunk.size()));
  }
  for (std::uint32_t stripe = 0; stripe < pack_stripes; ++stripe) {
    std::vector<std::uint32_t> of_stripe;
    std::size_t bad_data = 0;
    std::size_t good_parity = 0;
    for (std::uint32_t chunk = stripe; chunk < tail->all_chunks(); chunk += pack_stripes) {
      if (bad[chunk]) of_stripe.push_back(chunk);
      if (chunk < tail->data_chunks && bad[chunk]) ++bad_data;
      if (chunk >= tail->data_chunks && !bad[chunk]) ++good_parity;
    }
    for (const std::uint32_t chunk : of_stripe) {
      const auto at = static_cast<std::ptrdiff_t>(tail->chunk_at(chunk).value());
      if (bad_data <= good_parity) {
        std::copy_n(pack.sound().begin() + at, pack_chunk.size(), expected.begin() + at);
      } else {
        expected_lost.push_back(chunk);
      }
    }
  }
  Mended outcome = mend(*tail, pack.harmed());
  std::ranges::sort(outcome.lost);
  std::ranges::sort(expected_lost);
  EXPECT_EQ(outcome.lost, expected_lost);
  EXPECT_TRUE(same_bytes(pack.harmed(), expected));
  std::ranges::copy(pack.sound(), pack.harmed().begin());
}

TEST(Parity, WhatIsBeyondRepairIsNamedAndLeftAlone) {
  const auto random = test::test_random();
  HarmedPack one_row(*random, 160, 65536);
  for (const std::size_t harmed : {1u, 2u, 5u, 20u, 40u, 100u, 400u, 2000u}) {
    expect_exactly_the_solvable_is_mended(*random, one_row, harmed);
  }
  HarmedPack two_rows(*random, 900, 65536);
  ASSERT_EQ(test::find_tail(two_rows.sound())->rows, 2u);
  for (const std::size_t harmed : {2u, 40u, 100u, 150u, 400u}) {
    expect_exactly_the_solvable_is_mended(*random, two_rows, harmed);
  }
}

TEST(Parity, AnyTwoChunksOfAStripeWithTwoRowsAreSolvedFor) {
  const auto random = test::test_random();
  HarmedPack pack(*random, 900, 65536);
  const auto tail = test::find_tail(pack.sound());
  ASSERT_EQ(tail->rows, 2u);
  for (int i = 0; i < 4; ++i) {
    // Another pair in every stripe at once.
    for (std::uint32_t stripe = 0; stripe < pack_stripes; ++stripe) {
      const std::uint32_t members = (tail->all_chunks() - stripe + pack_stripes - 1) / pack_stripes;
      for (int n = 0; n < 2; ++n) {
        const std::uint32_t chunk =
            stripe + pack_stripes * static_cast<std::uint32_t>(random->below(members));
        pack.harm(tail->chunk_at(chunk).value(), pack_chunk.size(), Harm::random_bytes);
      }
    }
    ASSERT_TRUE(pack.is_mended());
  }
}

}  // namespace
}  // namespace ebb
