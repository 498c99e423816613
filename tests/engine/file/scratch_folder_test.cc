// SPDX-License-Identifier: Apache-2.0
// scratch_folder_test.cc - it goes with its owner, however that ends, and nobody else's goes.
#include "engine/file/scratch_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "tests/support/scratch_place.h"

namespace ebb {
namespace {

namespace fs = std::filesystem;

// As an owner has it: with something in it.
std::optional<ScratchFolder> made_and_filled() {
  auto folder = ScratchFolder::make();
  EXPECT_TRUE(folder) << folder.error().text();
  if (!folder) return std::nullopt;
  fs::create_directory(folder->path() + "/index");
  std::ofstream(folder->path() + "/index/000001.log") << "content";
  return std::move(*folder);
}

bool is_whole(const ScratchFolder& folder) {
  return fs::exists(folder.path() + "/index/000001.log");
}

TEST(ScratchFolder, IsGoneWithItsOwner) {
  const test::ScratchPlace place;
  std::string path;
  {
    const auto folder = made_and_filled();
    path = folder->path();
    EXPECT_TRUE(is_whole(*folder));
    EXPECT_EQ(place.count(), 1u);
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(place.count(), 0u);
}

TEST(ScratchFolder, OneOfAProcessThatWasKilledGoesWhenTheNextIsMade) {
  const test::ScratchPlace place;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const auto folder = made_and_filled();
    const char made = folder ? 'y' : 'n';
    static_cast<void>(::write(ends[1], &made, 1));
    ::pause();
    ::_exit(0);
  }
  char made = 0;
  ASSERT_EQ(::read(ends[0], &made, 1), 1);
  ::close(ends[0]);
  ::close(ends[1]);
  ASSERT_EQ(made, 'y');
  {
    const auto beside = made_and_filled();
    EXPECT_EQ(place.count(), 2u) << "its owner lives";
  }
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  EXPECT_EQ(place.count(), 1u) << "nobody was there to remove it";
  const auto next = made_and_filled();
  EXPECT_TRUE(is_whole(*next));
  EXPECT_EQ(place.count(), 1u);
}

TEST(ScratchFolder, OnlyFoldersOfThisKindAreEverRemoved) {
  const test::ScratchPlace place;
  const fs::path here = place.path();
  fs::create_directory(here / "elsewhere");
  std::ofstream(here / "elsewhere/kept") << "content";
  fs::create_directory_symlink(here / "elsewhere", here / "ebb-index-aaaaaa");
  fs::create_directory(here / "ebb-index-of-somebody");
  std::ofstream(here / "ebb-index-bbbbbb") << "a file";
  fs::create_directory(here / "ebb-index-cccccc");  // As a killed one leaves it.
  const auto folder = made_and_filled();
  EXPECT_TRUE(fs::exists(here / "elsewhere/kept"));
  EXPECT_TRUE(fs::is_symlink(here / "ebb-index-aaaaaa"));
  EXPECT_TRUE(fs::exists(here / "ebb-index-of-somebody"));
  EXPECT_TRUE(fs::exists(here / "ebb-index-bbbbbb"));
  EXPECT_FALSE(fs::exists(here / "ebb-index-cccccc"));
}

TEST(ScratchFolder, ManyThatAreMadeAtOnceAreAllKept) {
  const test::ScratchPlace place;
  constexpr int processes = 6;
  constexpr int rounds = 60;
  std::vector<pid_t> others;
  for (int i = 0; i < processes; ++i) {
    others.push_back(::fork());
    if (others.back() != 0) continue;
    for (int round = 0; round < rounds; ++round) {
      const auto first = made_and_filled();
      const auto second = made_and_filled();
      if (!first || !second || !is_whole(*first) || !is_whole(*second)) ::_exit(1);
    }
    ::_exit(0);
  }
  for (const pid_t other : others) {
    int status = 0;
    ASSERT_EQ(::waitpid(other, &status, 0), other);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(place.count(), 0u);
}

}  // namespace
}  // namespace ebb
