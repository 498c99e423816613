// SPDX-License-Identifier: Apache-2.0
#include "devmap/source/track/track_token.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

TrackToken token() {
  return {"boot", "00ff", "2026-11-23T01:13:35Z", "7:3", 42, 64_MiB, 4_KiB, 9};
}

TEST(TrackToken, ComesBackFromItsText) {
  EXPECT_EQ(TrackToken::parse(token().text()).value(), token());
}

TEST(TrackToken, IsOfTheSameTrackingInAnotherEpochOnly) {
  TrackToken later = token();
  later.epoch = 10;
  EXPECT_TRUE(later.same_tracking(token()));
  for (auto change :
       {+[](TrackToken& t) { t.boot_id = "x"; }, +[](TrackToken& t) { t.instance = "x"; },
        +[](TrackToken& t) { t.device = "7:4"; }, +[](TrackToken& t) { t.disk_sequence = 43; },
        +[](TrackToken& t) { t.size = 65_MiB; }, +[](TrackToken& t) { t.block = 8_KiB; }}) {
    TrackToken other = token();
    change(other);
    EXPECT_FALSE(other.same_tracking(token())) << other.text();
  }
}

TEST(TrackToken, IsRefusedWhenItIsAnythingElse) {
  const std::string good = token().text();
  for (const std::string& bad :
       {std::string(), good + " ", good + " 1", " " + good, good.substr(0, good.size() - 2),
        "track-2" + good.substr(7), good + "x", std::string(2000, 'x')}) {
    const auto parsed = TrackToken::parse(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::damaged);
  }
}

}  // namespace
}  // namespace ebb
