// SPDX-License-Identifier: Apache-2.0
// changed_ranges_test.cc - a list of changed ranges from elsewhere.
#include "devmap/source/changed_ranges.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

constexpr const char* id = "4f0c22aa9b3155667788990011223344";

TEST(ChangedRanges, AreReadFromTextWithComments) {
  const auto ranges = parse_changed_ranges(
      "# of last night\n\n  since 4f0c22aa9b31 # the point\n0 1\n\t65536 131072\r\n# end");
  ASSERT_TRUE(ranges) << ranges.error().text();
  EXPECT_EQ(ranges->since, "4f0c22aa9b31");
  ASSERT_EQ(ranges->runs.size(), 2u);
  EXPECT_EQ(ranges->runs[1], ByteRun::of(ByteIndex(65536), ByteCount(131072)));
}

TEST(ChangedRanges, ThatAreWrongAreRefusedWithTheirLine) {
  const auto refusal = [](const char* text) {
    const auto ranges = parse_changed_ranges(text);
    return ranges ? std::string("taken") : ranges.error().text();
  };
  EXPECT_NE(refusal("").find("empty"), std::string::npos);
  EXPECT_NE(refusal("0 1\n").find("line 1"), std::string::npos);
  EXPECT_NE(refusal("since 4f0c\n").find("12"), std::string::npos);
  EXPECT_NE(refusal("since 4f0c22aa9b3g\n").find("line 1"), std::string::npos);
  for (const char* line : {"0", "0 0", "-1 5", "1 2 3", "a b", "18446744073709551615 1", "0x10 5",
                           "99999999999999999999 1"}) {
    EXPECT_NE(refusal((std::string("since 4f0c22aa9b31\n\n") + line + "\n").c_str()).find("line 3"),
              std::string::npos)
        << line;
  }
}

TEST(ChangedRanges, MarkEveryBlockThatTheyTouch) {
  const BlockGrid grid(1_MiB, BlockSize::standard());
  ChangedRangesSource source(*parse_changed_ranges("since 4f0c22aa9b31\n65535 2\n1048575 1\n"));
  const BasePoint point{id, {}};
  const auto answer = source.ask(&point, grid);
  ASSERT_TRUE(answer && answer->changed);
  EXPECT_EQ(answer->changed->dirty_count().value(), 3u);
  EXPECT_TRUE(answer->changed->dirty(BlockIndex(0)));
  EXPECT_TRUE(answer->changed->dirty(BlockIndex(1)));
  EXPECT_TRUE(answer->changed->dirty(BlockIndex(15)));
  EXPECT_FALSE(answer->token);
}

TEST(ChangedRanges, SayNothingAboutAnotherPointOrNone) {
  const BlockGrid grid(1_MiB, BlockSize::standard());
  ChangedRangesSource source(*parse_changed_ranges("since 000000000000\n0 1\n"));
  const BasePoint point{id, {}};
  EXPECT_FALSE(source.ask(&point, grid)->changed);
  EXPECT_FALSE(source.ask(nullptr, grid)->changed);
}

TEST(ChangedRanges, PastTheDeviceAreRefused) {
  const BlockGrid grid(1_MiB, BlockSize::standard());
  ChangedRangesSource source(*parse_changed_ranges("since 4f0c22aa9b31\n1048575 2\n"));
  const BasePoint point{id, {}};
  const auto answer = source.ask(&point, grid);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace ebb
