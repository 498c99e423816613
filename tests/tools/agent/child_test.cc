// SPDX-License-Identifier: Apache-2.0
// Processes that end, do not end, say much, and leave others behind.
#include "tools/agent/child.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

ChildWish shell(const std::string& command) {
  ChildWish wish;
  wish.arguments = {"/bin/sh", "-c", command};
  wish.patience = std::chrono::seconds(1);
  return wish;
}

pid_t number_in(const std::string& path) {
  pid_t number = 0;
  for (int i = 0; i < 500 && number == 0; ++i) {
    std::ifstream(path) >> number;
    if (number == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return number;
}
// A process that was killed is there until somebody takes its end.
bool is_gone(pid_t process) {
  for (int i = 0; i < 500; ++i) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string word;
    std::string state;
    if (!(file >> word >> word >> state) || state == "Z") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

TEST(Child, TellsItsEndAndWhatItSaid) {
  ChildWish wish = shell("echo out $EBB_VOLUME; echo err >&2; exit 3");
  wish.environment = {{"EBB_VOLUME", "web1:a"}};
  const auto end = run_child(wish);
  ASSERT_TRUE(end) << end.error().text();
  EXPECT_EQ(end->why, ChildEnd::Why::by_itself);
  EXPECT_EQ(end->exit_code, 3);
  EXPECT_EQ(end->out, "out web1:a\n");
  EXPECT_EQ(end->err, "err\n");
}

TEST(Child, HasLessTimeOnceItIsToldToHurry) {
  StopFlag hurry;
  ChildWish wish = shell("sleep 600");
  wish.time_limit = std::chrono::seconds(500);
  wish.hurry = &hurry;
  wish.hurried_limit = std::chrono::seconds(1);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    hurry.raise();
  });
  const auto end = run_child(wish);
  later.join();
  ASSERT_TRUE(end) << end.error().text();
  EXPECT_EQ(end->why, ChildEnd::Why::time_over);
}

TEST(Child, ThatCannotBeStartedIsAnError) {
  ChildWish wish;
  wish.arguments = {"/nowhere/ebb"};
  EXPECT_FALSE(run_child(wish));
}

TEST(Child, ThatDiesByASignalIsToldSo) {
  EXPECT_EQ(run_child(shell("kill -SEGV $$"))->exit_code, 128 + SIGSEGV);
}

TEST(Child, ThatSaysMuchIsNotHeldUpAndOnlyItsLastWordsAreKept) {
  const auto end = run_child(shell("head -c 9000000 /dev/zero | tr '\\0' x; echo; echo last"));
  EXPECT_EQ(end->exit_code, 0);
  EXPECT_EQ(end->out.size(), 1024u * 1024);
  EXPECT_EQ(last_line_of(end->out), "last");
}

TEST(Child, IsEndedWithAllOfItsGroupWhenItsTimeIsOver) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "pid";
  // Neither hears SIGTERM.
  ChildWish wish = shell("trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > " + file +
                         "; while :; do sleep 1; done' & while :; do sleep 1; done");
  wish.time_limit = std::chrono::seconds(1);
  const auto end = run_child(wish);
  EXPECT_EQ(end->why, ChildEnd::Why::time_over);
  EXPECT_EQ(end->exit_code, 128 + SIGKILL);
  const pid_t grandchild = number_in(file);
  ASSERT_NE(grandchild, 0);
  EXPECT_TRUE(is_gone(grandchild));
}

TEST(Child, LeavesNothingOfItsGroupBehindWhenItsLeaderHearsTheSignal) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "pid";
  ChildWish wish =
      shell("sh -c 'trap \"\" TERM; echo $$ > " + file +
            "; while :; do sleep 1; done' & while [ ! -s " + file + " ]; do sleep 0.1; done; wait");
  wish.time_limit = std::chrono::seconds(2);
  EXPECT_EQ(run_child(wish)->exit_code, 128 + SIGTERM);
  const pid_t grandchild = number_in(file);
  ASSERT_NE(grandchild, 0);
  EXPECT_TRUE(is_gone(grandchild));
}

TEST(Child, IsAskedToEndWhenTheAgentIs) {
  StopFlag stop;
  ChildWish wish = shell("trap 'echo asked; exit 5' TERM; while :; do sleep 0.1; done");
  wish.stop = &stop;
  wish.patience = std::chrono::seconds(60);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    stop.raise();
  });
  const auto end = run_child(wish);
  later.join();
  EXPECT_EQ(end->why, ChildEnd::Why::stopped);
  EXPECT_EQ(end->exit_code, 5);
  EXPECT_EQ(end->out, "asked\n");
}

TEST(LastLine, IsTheLastThatSaysSomething) {
  EXPECT_EQ(last_line_of(""), "");
  EXPECT_EQ(last_line_of("\n \n"), "");
  EXPECT_EQ(last_line_of("one"), "one");
  EXPECT_EQ(last_line_of("one\ntwo\n\n"), "two");
  EXPECT_EQ(last_line_of("one\rtwo\x1b[0m!\n"), "two[0m!");
}

}  // namespace
}  // namespace ebb
