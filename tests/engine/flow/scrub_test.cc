// SPDX-License-Identifier: Apache-2.0
// scrub_test.cc - a scrub beside others on its thread, as in a storage agent.
#include "engine/flow/scrub.h"

#include <gtest/gtest.h>

#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

class ScrubBesideBackups : public testing::Test {
 protected:
  void SetUp() override { back_up(); }
  void back_up() {
    const auto device = disk_.device(world_.loop());
    const auto report = world_.backup(*device);
    ASSERT_TRUE(report) << report.error().text();
    made_.push_back({report->point, copy_of(disk_.content())});
  }
  void expect_all_restore() {
    for (const auto& [point, content] : made_) {
      const auto target =
          test::memory_device(world_.loop(), ByteVector(content.size(), std::byte{0xee}));
      const auto restored = world_.restore(point, *target);
      ASSERT_TRUE(restored) << restored.error().text();
      const auto wrong = test::first_wrong_sector(content, Bytes(target->content()));
      ASSERT_FALSE(wrong) << *wrong;
    }
  }

  std::unique_ptr<Random> random_ = test::test_random();
  test::FlowWorld world_{random_->next_u64()};
  test::StampedDisk disk_{*random_, 300_KiB};
  std::vector<std::pair<SignedPoint, ByteVector>> made_;
};

// A backup's envelopes may come after the scrub looked at envelopes, and its packs before the scrub
// looks at packs; called noise and noted as lost, they would be lost to points that need them.
TEST_F(ScrubBesideBackups, CallsNoPackKeylessThatCameMeanwhile) {
  for (int round = 0; round < 8; ++round) {
    std::uint64_t breaths = 1 + random_->below(12);
    const auto breathe = [&]() -> Result<void> {
      if (--breaths == 0) {
        disk_.write(random_->below(disk_.sectors() - 100), 100);
        back_up();
      }
      return {};
    };
    const auto report = world_.scrub(ScrubMode::repair, breathe);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_TRUE(report->sound()) << report->findings.front().file << ": "
                                 << report->findings.front().what;
    EXPECT_EQ(report->records_lost, 0u);
    EXPECT_TRUE((*world_.repository())->packs().whole());
  }
  world_.close();
  expect_all_restore();
}

TEST_F(ScrubBesideBackups, MendsWhatRotsWhileTheyRun) {
  for (int round = 0; round < 4; ++round) {
    for (const std::string& name : world_.folder().all_files()) {
      if (!name.starts_with("packs/")) continue;
      const ByteVector content = world_.folder().content(name);
      const std::size_t at = random_->below(content.size());
      const std::byte flipped = content[at] ^ std::byte{0x40};
      world_.folder().overwrite(name, ByteIndex(at), Bytes(&flipped, 1));
    }
    std::uint64_t breaths = 1 + random_->below(12);
    const auto breathe = [&]() -> Result<void> {
      if (--breaths == 0) {
        disk_.write(random_->below(disk_.sectors() - 100), 100);
        back_up();
      }
      return {};
    };
    const auto report = world_.scrub(ScrubMode::repair, breathe);
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_FALSE(report->findings.empty());
    EXPECT_TRUE(report->mended()) << report->findings.front().what;
    const auto again = world_.scrub(ScrubMode::look);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_TRUE(again->sound()) << again->findings.front().what;
  }
  expect_all_restore();
}

// In one process, as in a storage agent: what a look found must not keep a repair from noting it.
TEST_F(ScrubBesideBackups, NotesWhatALookFoundBefore) {
  disk_.write(0, disk_.sectors());
  back_up();
  for (const std::string& name : world_.folder().all_files()) {
    if (!name.starts_with("packs/")) continue;
    const ByteVector rot(world_.folder().content(name).size() - 100, std::byte{0x55});
    world_.folder().overwrite(name, ByteIndex(100), rot);
  }
  const auto looked = world_.scrub(ScrubMode::look);
  ASSERT_TRUE(looked) << looked.error().text();
  EXPECT_GT(looked->records_lost, 0u);
  EXPECT_TRUE((*world_.repository())->packs().lost().empty());
  const auto noted = world_.scrub(ScrubMode::repair);
  ASSERT_TRUE(noted) << noted.error().text();
  EXPECT_EQ(noted->records_lost, looked->records_lost);
  EXPECT_FALSE((*world_.repository())->packs().lost().empty());
  EXPECT_FALSE((*world_.repository())->packs().whole());
  // And the next backup heals what the volume still has.
  back_up();
  made_.erase(made_.begin(), made_.end() - 1);
  expect_all_restore();
}

TEST_F(ScrubBesideBackups, NotesAPackThatSomebodyTookAway) {
  for (const std::string& name : world_.folder().all_files()) {
    if (!name.starts_with("packs/")) continue;
    ASSERT_TRUE(world_.folder().remove(name));
  }
  const auto noted = world_.scrub(ScrubMode::repair);
  ASSERT_TRUE(noted) << noted.error().text();
  EXPECT_FALSE(noted->sound());
  EXPECT_FALSE(noted->points.empty());
  back_up();
  made_.erase(made_.begin(), made_.end() - 1);
  expect_all_restore();
}

TEST_F(ScrubBesideBackups, EndsWhenItIsToldTo) {
  std::uint64_t breaths = 0;
  const auto count = [&]() -> Result<void> {
    ++breaths;
    return {};
  };
  ASSERT_TRUE(world_.scrub(ScrubMode::look, count));
  EXPECT_GT(breaths, made_.size());
  const auto refuse = []() -> Result<void> { return fail(Error{ErrorKind::busy, "enough"}); };
  const auto ended = world_.scrub(ScrubMode::repair, refuse);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().kind(), ErrorKind::busy);
}

}  // namespace
}  // namespace ebb
