// SPDX-License-Identifier: Apache-2.0
// Who holds a pool's metadata snapshot, and that it is given back however its holder ends. The pool
// is made up here, so that its holder can be killed between any two steps; the real one is in the
// guest (tests/guest/changes_test.py).
#include "devmap/source/metadata_hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

constexpr dev_t pool = 1;

class MadeUpPool final : public DeviceMapper {
 public:
  Result<MapperDevice> table(dev_t) override { return device({"253:0", "253:1", "128", "0"}); }
  Result<MapperDevice> status(dev_t) override {
    if (steps_left == 0) return fail(Error::lost("killed"));
    return device({"1", "12/4096", "1/160", root ? std::to_string(*root) : "-", "rw"});
  }
  Result<void> message(dev_t, const std::string& text) override {
    if (steps_left == 0) return fail(Error::lost("killed"));
    --steps_left;
    if (text == "reserve_metadata_snap") {
      if (root) return fail(Error::busy("there is one"));
      root = next_root++;
    } else if (text == "release_metadata_snap") {
      if (!root) return fail(Error::invalid("there is none"));
      root.reset();
    } else {
      return fail(Error::invalid("what is {}?", text));
    }
    return {};
  }

  std::optional<std::uint64_t> root;
  std::uint64_t next_root = 7;
  int steps_left = 1000;  // Messages until nothing gets through any more.

 private:
  Result<MapperDevice> device(std::vector<std::string> words) {
    MapperDevice found;
    found.name = "vg0-pool-tpool";
    found.uuid = "LVM-abc-tpool";
    found.targets.push_back({ByteRun::of(ByteIndex(0), 64_MiB), "thin-pool", std::move(words)});
    return found;
  }
};

struct MetadataHoldTest : ::testing::Test {
  Result<std::unique_ptr<MetadataHold>> take() {
    return MetadataHold::take(thin_pool_target, pool, folder / "notes", mapper);
  }
  test::TemporaryFolder folder;
  MadeUpPool mapper;
};

TEST_F(MetadataHoldTest, IsThereWhileItIsHeldAndNotAfter) {
  for (int again = 0; again < 3; ++again) {
    auto hold = take();
    ASSERT_TRUE(hold) << hold.error().text();
    EXPECT_TRUE(mapper.root.has_value());
    if (again == 1) {
      EXPECT_TRUE((*hold)->release());
    }
    hold->reset();
    EXPECT_FALSE(mapper.root.has_value());
  }
}

TEST_F(MetadataHoldTest, SomebodyElsesIsBusyAndIsLeftAlone) {
  mapper.root = 99;
  for (int again = 0; again < 2; ++again) {
    const auto hold = take();
    ASSERT_FALSE(hold);
    EXPECT_EQ(hold.error().kind(), ErrorKind::busy);
    EXPECT_THAT(hold.error().text(), HasSubstr("somebody else holds"));
    EXPECT_EQ(mapper.root, 99u);
  }
}

TEST_F(MetadataHoldTest, AnotherOfUsThatLivesIsBusyAndIsLeftAlone) {
  const auto first = take();
  ASSERT_TRUE(first);
  const auto second = take();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::busy);
  EXPECT_THAT(second.error().text(), HasSubstr("another ebb"));
  EXPECT_TRUE(mapper.root.has_value());
}

TEST_F(MetadataHoldTest, WhatAKilledHolderLeftIsReleasedByTheNext) {
  auto killed = take();
  ASSERT_TRUE(killed);
  mapper.steps_left = 0;
  killed->reset();  // Its messages don't get through: as if there had been no destructor.
  ASSERT_EQ(mapper.root, 7u);
  mapper.steps_left = 1000;
  const auto next = take();
  ASSERT_TRUE(next) << next.error().text();
  EXPECT_EQ(mapper.root, 8u);
}

TEST_F(MetadataHoldTest, OneThatWasKilledBeforeItKnewTheRootIsReleasedToo) {
  mapper.steps_left = 1;  // The kernel takes it, and then the process is gone.
  ASSERT_FALSE(take());
  ASSERT_EQ(mapper.root, 7u);
  mapper.steps_left = 1000;
  const auto next = take();
  ASSERT_TRUE(next) << next.error().text();
  EXPECT_EQ(mapper.root, 8u);
}

TEST_F(MetadataHoldTest, AnOldNoteIsNoClaimOnWhatSomebodyElseHolds) {
  auto killed = take();
  ASSERT_TRUE(killed);
  mapper.steps_left = 0;
  killed->reset();
  mapper.steps_left = 1000;
  mapper.root = 99;  // An operator released ours, and another program took its own.
  const auto next = take();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().kind(), ErrorKind::busy);
  EXPECT_EQ(mapper.root, 99u);
}

TEST_F(MetadataHoldTest, OneThatSomebodyTookMeanwhileIsNotOursLater) {
  // Between our look and our message: the kernel refuses, and the note says that nothing is ours.
  class Sneaky final : public DeviceMapper {
   public:
    explicit Sneaky(MadeUpPool& real) : real_(real) {}
    Result<MapperDevice> table(dev_t device) override { return real_.table(device); }
    Result<MapperDevice> status(dev_t device) override { return real_.status(device); }
    Result<void> message(dev_t device, const std::string& text) override {
      real_.root = 50;
      return real_.message(device, text);
    }

   private:
    MadeUpPool& real_;
  } sneaky(mapper);
  const auto refused = MetadataHold::take(thin_pool_target, pool, folder / "notes", sneaky);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::busy);
  EXPECT_FALSE(take());
  EXPECT_EQ(mapper.root, 50u);
}

TEST(MetadataTarget, OneThatFailedIsLost) {
  for (const MetadataTarget* target : {&thin_pool_target, &era_target}) {
    for (const char* word : {"Fail", "Error"}) {
      MapperDevice status;
      status.targets.push_back({ByteRun::of(ByteIndex(0), 1_MiB), target->type, {word}});
      const auto found = target->held_root(status);
      ASSERT_FALSE(found);
      EXPECT_EQ(found.error().kind(), ErrorKind::lost);
    }
  }
}

}  // namespace
}  // namespace ebb
