// SPDX-License-Identifier: Apache-2.0
// free_room_test.cc - how much room is left on a file system, and how much shall be.
#include "engine/file/free_room.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

TEST(FreeRoom, IsThatOfTheFileSystemThatAPathLiesOn) {
  const test::TemporaryFolder folder;
  const auto room = free_room(folder.path());
  ASSERT_TRUE(room) << room.error().text();
  EXPECT_FALSE(room->size.none());
  EXPECT_LE(room->free, room->size);
  const auto nowhere = free_room(folder / "nowhere");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind(), ErrorKind::absent);
}

TEST(RoomToLeave, IsTheLargerOfBoth) {
  const RoomToLeave usual;
  EXPECT_EQ(usual.of(10_GiB), 1_GiB);
  EXPECT_GT(usual.of(100_GiB), 1_GiB);
  const RoomToLeave nothing{ByteCount(0), 0};
  EXPECT_TRUE(nothing.of(10_GiB).none());
}

}  // namespace
}  // namespace ebb
