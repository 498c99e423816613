// SPDX-License-Identifier: Apache-2.0
// simulated_folder_test.cc - what survives the simulated power loss, and what need not.
#include "tests/support/simulated_folder.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::SimulatedFolder;

class SimulatedFolderTest : public testing::Test {
 protected:
  std::unique_ptr<SimulatedFolder> fresh() {
    return std::make_unique<SimulatedFolder>(loop_, random_->next_u64());
  }
  std::unique_ptr<File> write(Files& files, const std::string& name, Bytes bytes) {
    auto file = files.create(name);
    EXPECT_TRUE(file);
    EXPECT_TRUE(write_and_wait(loop_, **file, ByteIndex(0), bytes));
    return std::move(*file);
  }
  Loop loop_;
  std::unique_ptr<Random> random_ = test::test_random();
};

TEST_F(SimulatedFolderTest, WhatIsSyncedAlwaysSurvives) {
  const ByteVector bytes = test::random_bytes(*random_, 5000);
  for (int i = 0; i < 100; ++i) {
    const auto files = fresh();
    ASSERT_TRUE(files->make_folder("d"));
    ASSERT_TRUE(files->sync_folder(""));
    const auto file = write(*files, "t", bytes);
    ASSERT_TRUE(sync_and_wait(loop_, *file));
    ASSERT_TRUE(files->rename("t", "d/f"));
    ASSERT_TRUE(files->sync_folder("d"));
    const auto after = files->crash();
    ASSERT_EQ(after->all_files(), std::vector<std::string>{"d/f"}) << "and the old name is gone";
    EXPECT_EQ(after->content("d/f"), bytes);
    const auto again = after->crash();
    EXPECT_EQ(again->content("d/f"), bytes);
  }
}

// Each outcome that a power loss allows comes up, and no other.
TEST_F(SimulatedFolderTest, UnsyncedSectorsAreKeptDroppedOrTornEachAlone) {
  const ByteVector old_bytes(4 * 512, std::byte{1});
  const ByteVector new_bytes(4 * 512, std::byte{2});
  std::set<std::string> outcomes;
  for (int i = 0; i < 600; ++i) {
    const auto files = fresh();
    const auto file = write(*files, "f", old_bytes);
    ASSERT_TRUE(sync_and_wait(loop_, *file));
    ASSERT_TRUE(files->sync_folder(""));
    ASSERT_TRUE(write_and_wait(loop_, *file, ByteIndex(0), new_bytes));
    const ByteVector content = files->crash()->content("f");
    ASSERT_EQ(content.size(), old_bytes.size());
    std::string outcome;
    for (std::size_t s = 0; s < 4; ++s) {
      const Bytes sector = Bytes(content).subspan(s * 512, 512);
      ASSERT_TRUE(std::ranges::count(sector, sector[0]) == 512) << "a sector is never torn";
      outcome += sector[0] == std::byte{1} ? 'o' : 'n';
    }
    outcomes.insert(outcome);
  }
  EXPECT_EQ(outcomes.size(), 16u);
}

TEST_F(SimulatedFolderTest, UnsyncedNamesHappenOrDoNotAndARenameIsWhole) {
  std::set<std::vector<std::string>> outcomes;
  for (int i = 0; i < 200; ++i) {
    const auto files = fresh();
    write(*files, "kept", {});
    write(*files, "gone", {});
    ASSERT_TRUE(files->sync_folder(""));
    write(*files, "new", {});
    ASSERT_TRUE(files->rename("kept", "moved"));
    ASSERT_TRUE(files->remove("gone"));
    const auto after = files->crash()->all_files();
    const auto has = [&](const char* name) { return std::ranges::count(after, name) == 1; };
    EXPECT_NE(has("kept"), has("moved"));
    outcomes.insert(after);
  }
  EXPECT_EQ(outcomes.size(), 8u);
}

TEST_F(SimulatedFolderTest, ASurvivingNameMayLeadToLostBytes) {
  int empty = 0;
  int whole = 0;
  for (int i = 0; i < 100; ++i) {
    const auto files = fresh();
    write(*files, "t", ByteVector(600, std::byte{9}));
    ASSERT_TRUE(files->rename("t", "f"));
    ASSERT_TRUE(files->sync_folder(""));
    const ByteVector content = files->crash()->content("f");
    empty += content.empty() ? 1 : 0;
    whole += content == ByteVector(600, std::byte{9}) ? 1 : 0;
  }
  EXPECT_GT(empty, 0);
  EXPECT_GT(whole, 0);
}

TEST_F(SimulatedFolderTest, AFileIsGoneWithItsUnsyncedFolder) {
  int gone = 0;
  for (int i = 0; i < 50; ++i) {
    const auto files = fresh();
    ASSERT_TRUE(files->make_folder("d"));
    const auto file = write(*files, "d/f", bytes_of("x"));
    ASSERT_TRUE(sync_and_wait(loop_, *file));
    ASSERT_TRUE(files->sync_folder("d"));
    gone += files->crash()->all_files().empty() ? 1 : 0;
  }
  EXPECT_GT(gone, 5);
  EXPECT_LT(gone, 45);
}

TEST_F(SimulatedFolderTest, ASyncCoversOnlyWhatHadSettledBeforeIt) {
  int lost = 0;
  for (int i = 0; i < 50; ++i) {
    const auto files = fresh();
    const auto file = write(*files, "f", {});
    ASSERT_TRUE(files->sync_folder(""));
    struct Plain : Transfer {
    } written, synced;
    ByteVector bytes(100, std::byte{3});
    written.way = Way::write;
    written.data = bytes;
    written.settled = [](Transfer&, Result<void> r) { EXPECT_TRUE(r); };
    synced.way = Way::sync_data;
    synced.settled = written.settled;
    file->start(written);
    file->start(synced);  // Beside the write, not after it.
    ASSERT_TRUE(loop_.run_once());
    lost += files->crash()->content("f").empty() ? 1 : 0;
  }
  EXPECT_GT(lost, 0);
}

TEST_F(SimulatedFolderTest, StopsAfterEveryOperation) {
  const auto story = [&](SimulatedFolder& files) -> Result<void> {
    TRY(files.make_folder("d"));
    const auto file = TRY(files.create("d/f"));
    TRY(write_and_wait(loop_, *file, ByteIndex(0), bytes_of("hello")));
    TRY(file->truncate(3_B));
    TRY(sync_and_wait(loop_, *file));
    TRY(files.rename("d/f", "f"));
    TRY(files.sync_folder(""));
    TRY(files.sync_folder("d"));
    return files.remove("f");
  };
  const auto whole = fresh();
  ASSERT_TRUE(story(*whole));
  EXPECT_EQ(whole->operations(), 9u);
  for (std::uint64_t n = 0; n < 9; ++n) {
    const auto files = fresh();
    files->stop_after(n);
    const auto told = story(*files);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().kind(), ErrorKind::lost);
    EXPECT_EQ(files->operations(), n);
    EXPECT_TRUE(files->stopped());
    EXPECT_FALSE(files->list("")) << "reads fail too";
    const auto after = files->crash();
    EXPECT_TRUE(after->list("")) << "the machine is up again";
    EXPECT_FALSE(after->stopped());
  }
}

TEST_F(SimulatedFolderTest, ADeadFolderStaysDeadAndItsLocksAreFree) {
  const auto files = fresh();
  auto lock = files->lock("lock");
  ASSERT_TRUE(lock);
  const auto file = write(*files, "f", bytes_of("x"));
  const auto after = files->crash();
  EXPECT_EQ(write_and_wait(loop_, *file, ByteIndex(0), bytes_of("y")).error().kind(),
            ErrorKind::lost);
  EXPECT_EQ(files->create("g").error().kind(), ErrorKind::lost);
  EXPECT_TRUE(after->lock("lock"));
}

TEST_F(SimulatedFolderTest, AFullDiskMayHoldAPartOfTheWrite) {
  std::set<std::size_t> sizes;
  for (int i = 0; i < 50; ++i) {
    const auto files = fresh();
    const auto file = write(*files, "f", {});
    files->full_from_write(1);
    EXPECT_EQ(
        write_and_wait(loop_, *file, ByteIndex(0), ByteVector(10, std::byte{1})).error().kind(),
        ErrorKind::full);
    EXPECT_EQ(file->preallocate(1_MiB).error().kind(), ErrorKind::full);
    sizes.insert(files->content("f").size());
    files->full_from_write(SimulatedFolder::never);
    EXPECT_TRUE(write_and_wait(loop_, *file, ByteIndex(0), ByteVector(10, std::byte{1})));
  }
  EXPECT_GT(sizes.size(), 3u);
}

TEST_F(SimulatedFolderTest, ReadsFailWhereTheyAreTold) {
  const auto files = fresh();
  const auto file = write(*files, "f", ByteVector(100));
  files->fail_reads([](const std::string& name, ByteRun run) {
    return name == "f" && run.contains(ByteIndex(50));
  });
  ByteVector room(50);
  EXPECT_TRUE(read_and_wait(loop_, *file, ByteIndex(0), room));
  EXPECT_EQ(read_and_wait(loop_, *file, ByteIndex(50), room).error().kind(),
            Error::from_errno(EIO).kind());
}

TEST_F(SimulatedFolderTest, TheSameSeedLosesTheSame) {
  const auto lose = [&](std::uint64_t seed) {
    SimulatedFolder files(loop_, seed);
    for (int i = 0; i < 20; ++i) write(files, fmt::format("{}", i), ByteVector(2000, std::byte{1}));
    const auto after = files.crash();
    std::string all;
    for (const std::string& name : after->all_files()) {
      all += name + to_hex(after->content(name)) + " ";
    }
    return all;
  };
  EXPECT_EQ(lose(1), lose(1));
  EXPECT_NE(lose(1), lose(2));
}

TEST_F(SimulatedFolderTest, APublishedSmallFileIsAbsentOldOrNewWhereverTheMachineStops) {
  const auto publish = [&](SimulatedFolder& files, std::string_view text) {
    return publish_small_file(files, loop_, "d/f", bytes_of(text), "t");
  };
  for (std::uint64_t n = 0; n < 12; ++n) {
    for (int i = 0; i < 30; ++i) {
      const auto files = fresh();
      ASSERT_TRUE(files->make_folder("d"));
      ASSERT_TRUE(files->sync_folder(""));
      ASSERT_TRUE(publish(*files, "old"));
      const std::uint64_t before = files->operations();
      files->stop_after(before + n);
      const auto published = publish(*files, "new");
      const std::string found(text_of(files->crash()->content("d/f")));
      EXPECT_TRUE(found == "new" || (!published && found == "old")) << found << " after " << n;
    }
  }
}

}  // namespace
}  // namespace ebb
