// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/object_frame.h"

#include <gtest/gtest.h>

#include "devmap/core/endian.h"
#include "engine/stage/checksum.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

TEST(ObjectFrame, WhatIsFramedIsUnframedAtAnyLength) {
  const auto random = test::test_random();
  for (const std::size_t length : {0u, 1u, 100u, 4071u, 4072u, 4073u, 8168u, 8169u, 100'000u}) {
    const ByteVector body = test::random_bytes(*random, length);
    const ByteVector file = frame_object(ObjectType::point, body);
    EXPECT_EQ(file.size() % 8192, 0u);
    const auto object = unframe_object(ObjectType::point, file);
    ASSERT_TRUE(object) << object.error().text();
    EXPECT_EQ(object->body, body);
    EXPECT_TRUE(object->both_sound);
  }
}

TEST(ObjectFrame, AnyFlippedByteOfEitherCopyIsNoticedAndCostsNothing) {
  const auto random = test::test_random();
  const ByteVector body = test::random_bytes(*random, 300);
  const ByteVector file = frame_object(ObjectType::slot, body);
  for (std::size_t i = 0; i < file.size(); ++i) {
    ByteVector flipped = file;
    flipped[i] ^= static_cast<std::byte>(1 + random->below(255));
    const auto object = unframe_object(ObjectType::slot, flipped);
    ASSERT_TRUE(object) << "byte " << i;
    EXPECT_EQ(object->body, body);
    EXPECT_FALSE(object->both_sound) << "byte " << i;
  }
}

TEST(ObjectFrame, BothCopiesFlippedAreDamage) {
  const auto random = test::test_random();
  const ByteVector body = test::random_bytes(*random, 300);
  const ByteVector file = frame_object(ObjectType::slot, body);
  for (std::size_t i = 0; i < file.size() / 2; ++i) {
    ByteVector flipped = file;
    const auto change = static_cast<std::byte>(1 + random->below(255));
    flipped[i] ^= change;
    flipped[file.size() / 2 + i] ^= change;
    const auto object = unframe_object(ObjectType::slot, flipped);
    ASSERT_FALSE(object) << "byte " << i;
    EXPECT_EQ(object.error().kind(), ErrorKind::damaged);
  }
}

TEST(ObjectFrame, TwoSoundCopiesThatDifferAreDamage) {
  const ByteVector one = frame_object(ObjectType::slot, bytes_of("one"));
  const ByteVector two = frame_object(ObjectType::slot, bytes_of("two"));
  ByteVector file(one.begin(), one.begin() + 4096);
  append(file, Bytes(two).last(4096));
  const auto object = unframe_object(ObjectType::slot, file);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind(), ErrorKind::damaged);
}

TEST(ObjectFrame, AnotherTypeIsRefused) {
  const auto object = unframe_object(ObjectType::slot, frame_object(ObjectType::point, {}));
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().kind(), ErrorKind::damaged);
}

// The frame as a newer ebb would write it: version 2, with its right checksum.
ByteVector of_version_2(ByteVector file) {
  for (const std::size_t at : {std::size_t{0}, file.size() / 2}) {
    const MutableBytes frame = MutableBytes(file).subspan(at, file.size() / 2);
    frame[6] = std::byte{2};
    Le64 body_length;
    std::memcpy(&body_length, frame.data() + 8, 8);
    std::ranges::fill(frame.subspan(16, 8), std::byte{0});
    const Le64 crc(crc64(frame.first(24 + body_length.value())));
    std::memcpy(frame.data() + 16, &crc, 8);
  }
  return file;
}

TEST(ObjectFrame, AnUnknownVersionIsInvalidAlsoWhenOneCopyIsDamaged) {
  const ByteVector file = of_version_2(frame_object(ObjectType::slot, bytes_of("later")));
  EXPECT_EQ(unframe_object(ObjectType::slot, file).error().kind(), ErrorKind::invalid);
  for (const std::size_t at : {std::size_t{30}, file.size() / 2 + 30}) {
    ByteVector damaged = file;
    damaged[at] ^= std::byte{1};
    const auto object = unframe_object(ObjectType::slot, damaged);
    ASSERT_FALSE(object);
    EXPECT_EQ(object.error().kind(), ErrorKind::invalid) << object.error().text();
  }
}

TEST(ObjectFrame, AFileOfAnotherLengthIsDamageOrGivesItsSoundCopy) {
  const ByteVector file = frame_object(ObjectType::slot, bytes_of("body"));
  ByteVector longer = file;
  longer.resize(3 * 8192);
  for (std::size_t n = 0; n <= longer.size(); n += n % 4096 == 1 ? 4094 : 1) {
    if (n == file.size()) continue;
    const auto object = unframe_object(ObjectType::slot, Bytes(longer).first(n));
    EXPECT_EQ(object.has_value(), n >= 4096) << n;
    if (!object) continue;
    EXPECT_EQ(text_of(object->body), "body");
    EXPECT_FALSE(object->both_sound) << n;
  }
}

}  // namespace
}  // namespace ebb
