// SPDX-License-Identifier: Apache-2.0
// How full snapshots and pools are. The watch itself is tested in a guest
// (tests/guest/snapshot_test.py).
#include "devmap/lvm/fill_watch.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

MapperDevice one(const std::string& type, std::vector<std::string> words) {
  MapperDevice device;
  device.name = "vg0-it";
  device.targets.push_back({ByteRun::of(ByteIndex(0), 64_MiB), type, std::move(words)});
  return device;
}

TEST(Fill, OfASnapshotIsItsFirstWord) {
  const auto fill = Fill::of_snapshot(one("snapshot", {"700/1000", "16"}));
  ASSERT_TRUE(fill);
  EXPECT_TRUE(fill->reaches(70));
  EXPECT_FALSE(fill->reaches(71));
}

TEST(Fill, OfASnapshotThatOverflowedIsLost) {
  for (const char* word : {"Invalid", "Overflow", "", "1/0", "2/1", "a/b", "1"}) {
    const auto fill = Fill::of_snapshot(one("snapshot", {word}));
    ASSERT_FALSE(fill) << word;
    EXPECT_EQ(fill.error().kind(), ErrorKind::lost);
  }
  EXPECT_FALSE(Fill::of_snapshot(one("snapshot", {})));
  EXPECT_EQ(Fill::of_snapshot(one("thin", {"1/2"})).error().kind(), ErrorKind::mismatch);
}

TEST(Fill, OfAPoolIsTheFullerOfMetadataAndData) {
  const auto by_data = Fill::of_pool(one("thin-pool", {"2", "113/1024", "980/1024", "-", "rw"}));
  ASSERT_TRUE(by_data);
  EXPECT_TRUE(by_data->reaches(95));
  const auto by_metadata = Fill::of_pool(one("thin-pool", {"2", "99/100", "10/1024", "-", "rw"}));
  ASSERT_TRUE(by_metadata);
  EXPECT_TRUE(by_metadata->reaches(95));
  EXPECT_EQ(Fill::of_pool(one("thin-pool", {"Fail"})).error().kind(), ErrorKind::lost);
}

}  // namespace
}  // namespace ebb
