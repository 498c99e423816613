// SPDX-License-Identifier: Apache-2.0
// What the device mapper says of a snapshot, and which of it can be read. The real thing is tested
// in a guest (tests/guest/changes_test.py).
#include "devmap/source/thick_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace ebb {
namespace {

MapperDevice one(const std::string& type, std::vector<std::string> words) {
  MapperDevice device;
  device.name = "vg0-snap";
  device.targets.push_back({ByteRun::of(ByteIndex(0), 64_MiB), type, std::move(words)});
  return device;
}

const MapperDevice sound_table = one("snapshot", {"253:1", "253:2", "P", "8"});
const MapperDevice sound_status = one("snapshot", {"24/32768", "16"});

ErrorKind refusal(const MapperDevice& table, const MapperDevice& status) {
  const auto place = ThickSnapshotPlace::of(table, status);
  EXPECT_FALSE(place) << "nothing was refused";
  return place ? ErrorKind::full : place.error().kind();
}

TEST(ThickSnapshotPlace, IsWhatTheTableSays) {
  for (const char* kept : {"P", "PO"}) {
    const auto place = ThickSnapshotPlace::of(
        one("snapshot", {"253:1", "253:2", kept, "8", "1", "discard_passdown_origin"}),
        sound_status);
    ASSERT_TRUE(place) << place.error().text();
    EXPECT_EQ(place->origin, makedev(253, 1));
    EXPECT_EQ(place->cow, makedev(253, 2));
    EXPECT_EQ(place->chunk, 4_KiB);
    EXPECT_EQ(place->size, 64_MiB);
  }
}

TEST(ThickSnapshotPlace, NeedsNoMoreRoomThanForAllOfItsOriginAndTheTable) {
  const auto place = ThickSnapshotPlace::of(sound_table, sound_status);
  // 16,384 chunks of 4 KiB, 64 areas of 256 entries, a header.
  EXPECT_EQ(place->most_sectors(), (16384u + 64 + 1) * 8);
}

TEST(ThickSnapshotPlace, OneThatOverflowedOrFailedIsLost) {
  for (const char* word : {"Invalid", "Overflow", "Merge", "Unknown", ""}) {
    EXPECT_EQ(refusal(sound_table, one("snapshot", {word})), ErrorKind::lost) << word;
  }
  EXPECT_EQ(refusal(sound_table, one("snapshot", {})), ErrorKind::lost);
}

TEST(ThickSnapshotPlace, OneThatIsBeingMergedIsBusy) {
  EXPECT_EQ(refusal(one("snapshot-merge", {"253:1", "253:2", "P", "8"}), sound_status),
            ErrorKind::busy);
}

TEST(ThickSnapshotPlace, WhatIsNoSnapshotIsAMismatch) {
  EXPECT_EQ(refusal(one("snapshot-origin", {"253:1"}), sound_status), ErrorKind::mismatch);
  EXPECT_EQ(refusal(one("thin", {"253:1", "1"}), sound_status), ErrorKind::mismatch);
  MapperDevice two = sound_table;
  two.targets.push_back(two.targets[0]);
  EXPECT_EQ(refusal(two, sound_status), ErrorKind::mismatch);
}

TEST(ThickSnapshotPlace, OneThatKeepsItsTableInMemoryIsRefused) {
  EXPECT_EQ(refusal(one("snapshot", {"253:1", "253:2", "N", "8"}), sound_status),
            ErrorKind::invalid);
}

TEST(ThickSnapshotPlace, ATableThatIsNotUnderstoodIsRefused) {
  EXPECT_EQ(refusal(one("snapshot", {"253:1", "/dev/sda", "P", "8"}), sound_status),
            ErrorKind::damaged);
  EXPECT_EQ(refusal(one("snapshot", {"253:1", "253:2", "P", "0"}), sound_status),
            ErrorKind::damaged);
  EXPECT_EQ(refusal(one("snapshot", {"253:1", "253:2", "P"}), sound_status), ErrorKind::invalid);
}

TEST(DeviceNumber, IsTwoDecimalNumbersAndNothingElse) {
  EXPECT_EQ(device_number("253:4"), makedev(253, 4));
  EXPECT_EQ(device_number("259:1048575"), makedev(259, 1048575));
  for (const char* text : {"", "253", ":", "253:", ":4", "253:4 ", "253:-4", "0x1:2", "99999:1"}) {
    EXPECT_FALSE(device_number(text)) << text;
  }
}

}  // namespace
}  // namespace ebb
