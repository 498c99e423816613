// SPDX-License-Identifier: Apache-2.0
// manager_copies_test.cc - which copies of the manager's state a storage agent keeps.
#include "tools/storage/manager_copies.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temporary_folder.h"
#include "tools/common/private_file.h"

namespace ebb {
namespace {

constexpr std::int64_t hour = 3600;

class CopiesOfAManager : public testing::Test {
 protected:
  void keep(int number, std::int64_t seconds) {
    const auto kept =
        copies_.keep(bytes_of(text(number)), {(1'795'000'000 + seconds) * 1'000'000'000});
    ASSERT_TRUE(kept) << kept.error().text();
  }
  static std::string text(int number) { return "copy " + std::to_string(number); }
  std::set<std::string> all() const {
    std::set<std::string> texts;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      texts.insert(read_privately(entry.path()));
    }
    return texts;
  }

  const test::TemporaryFolder folder_;
  const std::string path_ = folder_ / "copies";
  const ManagerCopies copies_{path_};
};

TEST_F(CopiesOfAManager, AreTheNewestThreeAndOneOfEachDay) {
  EXPECT_FALSE(copies_.newest());
  for (int number = 0; number < 100; ++number) keep(number, number * hour);
  // 100 hours are the ends of four days, and what there is of a fifth.
  EXPECT_EQ(all().size(), 5u + 2u);
  EXPECT_TRUE(all().contains(text(97)));
  EXPECT_TRUE(all().contains(text(99)));
  EXPECT_EQ(copies_.newest(), control::digest_of_copy(bytes_of(text(99))));
}

TEST_F(CopiesOfAManager, OfFormerDaysAreNotPushedOutByManyOfOne) {
  keep(1, 0);
  keep(2, 24 * hour);
  for (int number = 3; number < 50; ++number) keep(number, 48 * hour + number);
  EXPECT_TRUE(all().contains(text(1)));
  EXPECT_TRUE(all().contains(text(2)));
}

TEST_F(CopiesOfAManager, GoAfterTwoWeeksOfOthers) {
  for (int day = 0; day < 40; ++day) keep(day, day * 24 * hour);
  EXPECT_EQ(all().size(), 14u);
  EXPECT_FALSE(all().contains(text(25)));
  EXPECT_TRUE(all().contains(text(26)));
}

TEST_F(CopiesOfAManager, LeaveNothingUnfinishedBehind) {
  keep(1, 0);
  ASSERT_TRUE(write_privately(path_ + "/2030-01-01T00-00-00Z.copy", bytes_of("x")));
  std::filesystem::rename(path_ + "/2030-01-01T00-00-00Z.copy",
                          path_ + "/2030-01-01T00-00-00Z.copy.new");
  keep(2, hour);
  EXPECT_EQ(all(), (std::set<std::string>{text(1), text(2)}));
  // One that cannot be read is none.
  std::filesystem::create_directory(path_ + "/2031-01-01T00-00-00Z.copy");
  EXPECT_NE(copies_.newest(), control::digest_of_copy(bytes_of(text(2))));
}

TEST_F(CopiesOfAManager, AreInTheOrderInWhichTheyCameWhateverTheClockSays) {
  keep(1, 0);
  keep(2, -hour);
  EXPECT_EQ(copies_.newest(), control::digest_of_copy(bytes_of(text(2))));
  keep(3, -hour);
  keep(4, -hour);
  keep(5, -hour);
  EXPECT_EQ(copies_.newest(), control::digest_of_copy(bytes_of(text(5))));
}

}  // namespace
}  // namespace ebb
