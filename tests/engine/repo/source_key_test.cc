// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/source_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/flips.h"
#include "tests/support/image_file.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

SourceKey random_source_key(Random& random) {
  SourceKey key;
  key.repository = random.name<RepositoryId>();
  key.authority = verify_key_of(make_signing_seed(random));
  random.fill(key.id_key.room());
  key.signing_seed = make_signing_seed(random);
  key.name = "host.example";
  return key;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

TEST(SourceKey, IsReadAsItWasWritten) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  const SourceKey key = random_source_key(*random);
  const std::string path = folder / "a/b/source.key";
  const mode_t before = ::umask(0);
  const auto written = write_source_key(path, key);
  ::umask(before);
  ASSERT_TRUE(written) << written.error().text();
  EXPECT_EQ(mode_of(path), 0600u);
  EXPECT_EQ(mode_of(folder / "a/b"), 0700u);
  EXPECT_EQ(mode_of(folder / "a"), 0755u) << "settings lie there, too";
  const auto again = read_source_key(path);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(pack_source_key(*again), pack_source_key(key));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "a/b"), {}), 1);
}

TEST(SourceKey, IsNeverOverwritten) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  const SourceKey key = random_source_key(*random);
  ASSERT_TRUE(write_source_key(folder / "k", key));
  EXPECT_FALSE(write_source_key(folder / "k", random_source_key(*random)));
  EXPECT_EQ(pack_source_key(*read_source_key(folder / "k")), pack_source_key(key));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(SourceKey, IsRefusedWhenOthersMayReadIt) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  ASSERT_TRUE(write_source_key(folder / "k", random_source_key(*random)));
  for (const mode_t mode : {0640u, 0604u, 0660u, 0601u, 0610u, 0777u}) {
    ASSERT_EQ(::chmod((folder / "k").c_str(), mode), 0);
    const auto key = read_source_key(folder / "k");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().kind(), ErrorKind::denied) << std::oct << mode;
  }
  for (const mode_t mode : {0600u, 0400u}) {
    ASSERT_EQ(::chmod((folder / "k").c_str(), mode), 0);
    EXPECT_TRUE(read_source_key(folder / "k"));
  }
}

TEST(SourceKey, WhatIsNoKeyFileIsRefused) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(read_source_key(folder / "none").error().kind(), ErrorKind::absent);
  EXPECT_FALSE(read_source_key(folder.path()));
  test::write_text(folder / "text", "hello");
  ::chmod((folder / "text").c_str(), 0600);
  EXPECT_EQ(read_source_key(folder / "text").error().kind(), ErrorKind::damaged);
  test::make_image(folder / "large", 1_GiB);
  ::chmod((folder / "large").c_str(), 0600);
  EXPECT_EQ(read_source_key(folder / "large").error().kind(), ErrorKind::damaged);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_FALSE(read_source_key(folder / "pipe")) << "and not waited for";
}

TEST(SourceKey, AFlippedByteOfItsFileCostsNothing) {
  const auto random = test::test_random();
  const test::TemporaryFolder folder;
  const SourceKey key = random_source_key(*random);
  ASSERT_TRUE(write_source_key(folder / "k", key));
  for (int i = 0; i < 100; ++i) {
    const ByteIndex at(random->below(8192));
    const ByteVector before = test::read_at(folder / "k", at, 1_B);
    const ByteVector flipped{before[0] ^ static_cast<std::byte>(1 + random->below(255))};
    test::write_at(folder / "k", at, flipped);
    const auto again = read_source_key(folder / "k");
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(pack_source_key(*again), pack_source_key(key));
    test::write_at(folder / "k", at, before);
  }
}

TEST(SourceKey, OtherLengthsOfItsBodyAreRefused) {
  const auto random = test::test_random();
  test::expect_no_other_length_parses(pack_source_key(random_source_key(*random)),
                                      [](Bytes b) { return unpack_source_key(b).has_value(); });
}

}  // namespace
}  // namespace ebb
