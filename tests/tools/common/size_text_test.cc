// SPDX-License-Identifier: Apache-2.0
#include "tools/common/size_text.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

TEST(SizeText, IsWrittenWithTheLargestUnitThatFits) {
  EXPECT_EQ(size_text(0_B), "0 B");
  EXPECT_EQ(size_text(1023_B), "1023 B");
  EXPECT_EQ(size_text(1_KiB), "1.0 KiB");
  EXPECT_EQ(size_text(1_GiB + 512_MiB), "1.5 GiB");
  EXPECT_EQ(size_text(1024_GiB), "1.0 TiB");
}

TEST(SizeText, IsReadAsPeopleWriteIt) {
  for (const char* text : {"64K", "64k", "64KiB", "65536", "65536B"}) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size.has_value()) << text;
    EXPECT_EQ(*size, 64_KiB) << text;
  }
  EXPECT_EQ(*parse_size("1M"), 1_MiB);
  EXPECT_EQ(*parse_size("2G"), 2_GiB);
}

TEST(SizeText, ThatIsNoSizeIsRefused) {
  for (const char* text : {"", "K", "-1", "64X", "64KK", "1 M", "0x10", "99999999999999999999",
                           "17179869184G", "64K "}) {
    EXPECT_FALSE(parse_size(text).has_value()) << text;
  }
}

TEST(AgeText, IsANumberAndAUnit) {
  using namespace std::chrono_literals;
  EXPECT_EQ(*parse_age("90s"), 90s);
  EXPECT_EQ(*parse_age("15min"), 15min);
  EXPECT_EQ(*parse_age("36h"), 36h);
  EXPECT_EQ(*parse_age("30d"), 24h * 30);
  EXPECT_EQ(*parse_age("8w"), 24h * 56);
  EXPECT_EQ(*parse_age("0d"), 0s);
  for (const char* text :
       {"", "30", "d", "-1d", "1 d", "1m", "1.5h", "30dd", "10000000d", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_age(text).has_value()) << text;
  }
}

TEST(DurationText, GrowsFromSecondsToHours) {
  EXPECT_EQ(duration_text(0.42), "0.4 s");
  EXPECT_EQ(duration_text(192), "3 min 12 s");
  EXPECT_EQ(duration_text(3600 * 2 + 61), "2 h 1 min");
}

TEST(RateText, OfNoTimeIsNotANumber) {
  EXPECT_EQ(rate_text(10_MiB, 0), "-");
  EXPECT_EQ(rate_text(10_MiB, 2), "5.0 MiB/s");
}

}  // namespace
}  // namespace ebb
