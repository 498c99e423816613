// SPDX-License-Identifier: Apache-2.0
// files_test.cc - one suite over a real folder and the simulated one: what engine/file/files.h
// says.
#include "engine/file/files.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/seed.h"
#include "tests/support/simulated_folder.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

class AnyFiles : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      auto ring = Ring::make();
      if (!ring) GTEST_SKIP() << ring.error().text();
      ring_ = std::move(*ring);
      files_ = std::move(*open_folder(folder_.path(), *ring_));
    } else {
      files_ = std::make_unique<test::SimulatedFolder>(plain_, 1);
    }
  }
  Loop& loop() { return ring_ ? static_cast<Loop&>(*ring_) : plain_; }
  void write(const std::string& name, std::string_view text) {
    auto file = files_->create(name);
    ASSERT_TRUE(file) << file.error().text();
    ASSERT_TRUE(write_and_wait(loop(), **file, ByteIndex(0), bytes_of(text)));
    ASSERT_TRUE(sync_and_wait(loop(), **file));
  }
  std::string read(const std::string& name) {
    const auto bytes = read_small_file(*files_, loop(), name, 1_MiB);
    return bytes ? std::string(text_of(*bytes)) : "error: " + bytes.error().text();
  }
  std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> all;
    const auto entries = files_->list(folder);
    EXPECT_TRUE(entries);
    for (const auto& entry : *entries) all.push_back(entry.name + (entry.is_folder ? "/" : ""));
    return all;
  }

  test::TemporaryFolder folder_;
  Loop plain_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Files> files_;
};
INSTANTIATE_TEST_SUITE_P(Files, AnyFiles, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Real" : "Simulated"; });

TEST_P(AnyFiles, KeepWhatIsWritten) {
  const auto random = test::test_random();
  auto file = files_->create("f");
  ASSERT_TRUE(file);
  ByteVector model;
  for (int i = 0; i < 100; ++i) {
    const ByteVector data = test::random_bytes(*random, random->below(20'000));
    const std::uint64_t at = random->below(50'000);
    ASSERT_TRUE(write_and_wait(loop(), **file, ByteIndex(at), data));
    if (!data.empty()) model.resize(std::max<std::size_t>(model.size(), at + data.size()));
    std::ranges::copy(data, model.begin() + static_cast<std::ptrdiff_t>(
                                                std::min<std::uint64_t>(at, model.size())));
    if (random->below(10) == 0) {
      model.resize(random->below(model.size() + 100));
      ASSERT_TRUE((*file)->truncate(ByteCount(model.size())));
    }
    ASSERT_EQ((*file)->size()->value(), model.size());
    ByteVector room(model.size());
    ASSERT_TRUE(read_and_wait(loop(), **file, ByteIndex(0), room));
    ASSERT_TRUE(same_bytes(room, model));
  }
  ByteVector room(model.size() + 1);
  EXPECT_EQ(read_and_wait(loop(), **file, ByteIndex(0), room).error().kind(), ErrorKind::lost);
}

TEST_P(AnyFiles, NamesAreMadeMovedAndRemoved) {
  write("b", "two");
  write("a", "one");
  ASSERT_TRUE(files_->make_folder("d"));
  ASSERT_TRUE(files_->make_folder("d")) << "fine if it is there";
  EXPECT_EQ(names(""), (std::vector<std::string>{"a", "b", "d/"}));
  EXPECT_FALSE(files_->create("a"));
  EXPECT_EQ(read("a"), "one");
  ASSERT_TRUE(files_->rename("a", "d/c"));
  EXPECT_EQ(names(""), (std::vector<std::string>{"b", "d/"}));
  EXPECT_EQ(names("d"), (std::vector<std::string>{"c"}));
  EXPECT_EQ(read("d/c"), "one");
  ASSERT_TRUE(files_->rename("b", "d/c")) << "over what is there";
  EXPECT_EQ(read("d/c"), "two");
  ASSERT_TRUE(files_->sync_folder("d"));
  ASSERT_TRUE(files_->remove("d/c"));
  EXPECT_TRUE(names("d").empty());
}

TEST_P(AnyFiles, WhatIsAbsentSaysSo) {
  EXPECT_EQ(files_->open("x").error().kind(), ErrorKind::absent);
  EXPECT_EQ(files_->rename("x", "y").error().kind(), ErrorKind::absent);
  EXPECT_EQ(files_->remove("x").error().kind(), ErrorKind::absent);
  EXPECT_EQ(files_->list("x").error().kind(), ErrorKind::absent);
  EXPECT_EQ(files_->sync_folder("x").error().kind(), ErrorKind::absent);
  EXPECT_EQ(files_->create("x/y").error().kind(), ErrorKind::absent);
  EXPECT_EQ(files_->make_folder("x/y").error().kind(), ErrorKind::absent);
}

TEST_P(AnyFiles, WhatIsOpenForReadingIsNotWritten) {
  write("f", "text");
  auto file = files_->open("f");
  ASSERT_TRUE(file);
  EXPECT_FALSE(write_and_wait(loop(), **file, ByteIndex(0), bytes_of("T")));
  EXPECT_FALSE((*file)->truncate(0_B));
}

TEST_P(AnyFiles, ASharedLockIsHeldByManyAndByNobodyBesideOneAlone) {
  {
    const auto one = files_->lock_shared("l");
    const auto other = files_->lock_shared("l");
    ASSERT_TRUE(one && other);
    EXPECT_EQ(files_->lock("l").error().kind(), ErrorKind::busy);
  }
  EXPECT_TRUE(files_->lock("l"));
  EXPECT_TRUE(files_->lock_shared("l"));
}

TEST_P(AnyFiles, SayWhenAFileWasModifiedAndARenameKeepsIt) {
  const WallTime then{1'700'000'000'123'456'789};
  const auto modified = [&](const std::string& name) -> std::int64_t {
    const auto entries = files_->list("");
    EXPECT_TRUE(entries);
    const auto found = std::ranges::find(*entries, name, &Files::Entry::name);
    EXPECT_NE(found, entries->end());
    return found->modified.nanoseconds;
  };
  write("a", "one");
  EXPECT_NE(modified("a"), then.nanoseconds);
  ASSERT_TRUE(publish_small_file(*files_, loop(), "b", bytes_of("two"), "t", then));
  EXPECT_EQ(modified("b"), then.nanoseconds);
  ASSERT_TRUE(files_->rename("b", "c"));
  EXPECT_EQ(modified("c"), then.nanoseconds);
  // Before 1970 too.
  ASSERT_TRUE(publish_small_file(*files_, loop(), "d", bytes_of("x"), "t", WallTime{-1}));
  EXPECT_EQ(modified("d"), -1);
}

TEST_P(AnyFiles, ALockIsHeldByOneUntilItIsGone) {
  auto first = files_->lock("lock");
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(files_->lock("lock").error().kind(), ErrorKind::busy);
  EXPECT_TRUE(files_->lock("another"));
  first->reset();
  EXPECT_TRUE(files_->lock("lock"));
}

TEST_P(AnyFiles, AnOpenFileOutlivesItsName) {
  write("f", "text");
  auto file = files_->open("f");
  ASSERT_TRUE(files_->remove("f"));
  ByteVector room(4);
  ASSERT_TRUE(read_and_wait(loop(), **file, ByteIndex(0), room));
  EXPECT_EQ(text_of(room), "text");
}

TEST_P(AnyFiles, ASmallFileIsPublishedWholeAndReplacesTheOld) {
  ASSERT_TRUE(files_->make_folder("d"));
  for (const char* text : {"one", "another", ""}) {
    const auto published = publish_small_file(*files_, loop(), "d/f", bytes_of(text), "temporary");
    ASSERT_TRUE(published) << published.error().text();
    EXPECT_EQ(read("d/f"), text);
    EXPECT_EQ(names(""), (std::vector<std::string>{"d/"}));
  }
  EXPECT_FALSE(publish_small_file(*files_, loop(), "none/f", bytes_of("x"), "temporary"));
  EXPECT_EQ(names(""), (std::vector<std::string>{"d/"})) << "nothing is left behind";
  EXPECT_FALSE(read_small_file(*files_, loop(), "d", 1_MiB));
  write("large", std::string(100, 'x'));
  EXPECT_FALSE(read_small_file(*files_, loop(), "large", 99_B));
  EXPECT_EQ(read("large").size(), 100u);
}

TEST(Files, TheFolderOfANameIsWhatLiesBeforeItsLastSlash) {
  EXPECT_EQ(folder_of("a/b/c"), "a/b");
  EXPECT_EQ(folder_of("c"), "");
}

}  // namespace
}  // namespace ebb
