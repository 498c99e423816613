// SPDX-License-Identifier: Apache-2.0
#include "tools/common/nearest_word.h"

#include <gtest/gtest.h>

#include <vector>

namespace ebb {
namespace {

TEST(LettersBetween, CountsWhatIsAddedTakenAwayChangedOrSwapped) {
  EXPECT_EQ(letters_between("", ""), 0u);
  EXPECT_EQ(letters_between("poll", "poll"), 0u);
  EXPECT_EQ(letters_between("", "poll"), 4u);
  EXPECT_EQ(letters_between("poll", ""), 4u);
  EXPECT_EQ(letters_between("pol", "poll"), 1u);
  EXPECT_EQ(letters_between("polls", "poll"), 1u);
  EXPECT_EQ(letters_between("pull", "poll"), 1u);
  EXPECT_EQ(letters_between("opll", "poll"), 1u);
  EXPECT_EQ(letters_between("enroll_listen", "enroll-listen"), 1u);
  EXPECT_EQ(letters_between("kitten", "sitting"), 3u);
}

TEST(NearestWord, IsTheFirstOfEquals) {
  const std::vector<std::string> words{"runs", "threads", "rune"};
  EXPECT_EQ(nearest_word("thread", words), "threads");
  EXPECT_EQ(nearest_word("run", words), "runs");
  EXPECT_EQ(nearest_word("", words), "runs");
}

}  // namespace
}  // namespace ebb
