// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/point.h"

#include <gtest/gtest.h>

#include "tests/support/flips.h"

namespace ebb {
namespace {

Point random_point(Random& random, const IdKey& key) {
  Point point;
  point.repository = random.name<RepositoryId>();
  point.volume = random.name<VolumeId>();
  point.data_key = random.name<DataKeyId>();
  point.sequence = random.next_u64();
  point.predecessor = random.name<PointId>();
  point.created = {static_cast<std::int64_t>(random.next_u64())};
  point.grid = BlockGrid(ByteCount(random.below(limits::max_device_size.value() + 1)),
                         *BlockSize::of(ByteCount(4096ull << random.below(9))));
  point.map = random.name<PageDigest>();
  point.members_epoch = random.next_u64();
  point.counts = {BlockCount(random.next_u64()), BlockCount(random.next_u64()),
                  BlockCount(random.next_u64()), ByteCount(random.next_u64()),
                  ByteCount(random.next_u64())};
  PointAbout about;
  about.volume_name = "vg0/root \"ü\"\n";
  about.passport.path = "/dev/vg0/root";
  about.passport.serial = "S3R1AL";
  if (point.grid.size() > 100_B) about.unreadable = {{ByteIndex(3), ByteIndex(77)}};
  point.about = seal_about(about, point, key, random);
  return point;
}

class PointTest : public testing::Test {
 protected:
  PointTest() { random_->fill(key_.room()); }
  std::unique_ptr<Random> random_ = test::test_random();
  IdKey key_;
  SigningSeed seed_ = make_signing_seed(*random_);
};

TEST_F(PointTest, IsUnpackedAsItWasSigned) {
  for (int i = 0; i < 50; ++i) {
    const Point point = random_point(*random_, key_);
    const SignedPoint made = sign_point(point, seed_);
    const auto again = unpack_point(made.body);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(signature_is_right(*again));
    EXPECT_EQ(again->id, made.id);
    EXPECT_EQ(again->body, made.body);
    const Point& p = again->point;
    EXPECT_EQ(p.repository, point.repository);
    EXPECT_EQ(p.volume, point.volume);
    EXPECT_EQ(p.source, verify_key_of(seed_));
    EXPECT_EQ(p.data_key, point.data_key);
    EXPECT_EQ(p.sequence, point.sequence);
    EXPECT_EQ(p.predecessor, point.predecessor);
    EXPECT_EQ(p.created, point.created);
    EXPECT_EQ(p.grid, point.grid);
    EXPECT_EQ(p.root(), point.root());
    EXPECT_EQ(p.members_epoch, point.members_epoch);
    EXPECT_EQ(p.counts.stored, point.counts.stored);
    EXPECT_EQ(p.counts.zero, point.counts.zero);
    const auto about = open_about(p, key_);
    ASSERT_TRUE(about) << about.error().text();
    EXPECT_EQ(about->volume_name, "vg0/root \"ü\"\n");
    EXPECT_EQ(about->passport.serial, "S3R1AL");
    EXPECT_EQ(about->unreadable.size(), point.grid.size() > 100_B ? 1u : 0u);
  }
}

TEST_F(PointTest, AFlippedByteIsRefused) {
  const SignedPoint made = sign_point(random_point(*random_, key_), seed_);
  test::for_every_flipped_byte(*random_, made.body, [&](Bytes flipped, std::size_t at) {
    const auto point = unpack_point(flipped);
    EXPECT_FALSE(point && signature_is_right(*point)) << "byte " << at;
    const bool in_signature = at >= made.body.size() - Signature::size;
    EXPECT_TRUE(!point || (point->id == made.id) == in_signature) << "byte " << at;
  });
  test::expect_no_other_length_parses(made.body,
                                      [](Bytes b) { return unpack_point(b).has_value(); });
}

TEST_F(PointTest, ItsLabelOpensForThisPointAndKeyOnly) {
  const Point point = random_point(*random_, key_);
  ASSERT_TRUE(open_about(point, key_));
  IdKey other;
  random_->fill(other.room());
  EXPECT_FALSE(open_about(point, other));
  Point moved = point;
  moved.volume = random_->name<VolumeId>();
  EXPECT_FALSE(open_about(moved, key_));
  moved = point;
  ++moved.sequence;
  EXPECT_FALSE(open_about(moved, key_));
  moved = point;
  moved.repository = random_->name<RepositoryId>();
  EXPECT_FALSE(open_about(moved, key_));
}

TEST_F(PointTest, AnotherVersionIsInvalidAndNonsenseDamaged) {
  const SignedPoint made = sign_point(random_point(*random_, key_), seed_);
  ByteVector other = made.body;
  other[8] = std::byte{2};
  EXPECT_EQ(unpack_point(other).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(unpack_point(bytes_of("EBBPOIN")).error().kind(), ErrorKind::damaged);
  EXPECT_FALSE(unpack_point({}));
  ByteVector block_size = made.body;
  block_size[8 + 4 + 16 + 16 + 32 + 16 + 8 + 32 + 8 + 8] = std::byte{1};
  EXPECT_FALSE(unpack_point(block_size));
}

TEST_F(PointTest, AnyTimeHasAText) {
  for (const std::int64_t t : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                               std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_FALSE(WallTime{t}.text().empty());
  }
}

}  // namespace
}  // namespace ebb
