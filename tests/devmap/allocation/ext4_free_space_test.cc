// SPDX-License-Identifier: Apache-2.0
// What ext4 calls free, on file systems that mke2fs makes and debugfs fills, against dumpe2fs.
#include "devmap/allocation/ext4_free_space.h"

#include <ext2fs/ext2_fs.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "devmap/core/unique_fd.h"
#include "devmap/occupation.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using test::run_program;

constexpr ByteCount before{1 << 20};  // Of the file system in its image.

struct Free {
  Result<void> result;
  std::vector<ByteRun> runs;
};

Free free_in(const std::string& image, ByteRun area) {
  const UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  auto source = *FdSource::over(fd.get());
  Free free;
  free.result = ext4_free_space(source, area, [&](ByteRun run) { free.runs.push_back(run); });
  return free;
}

class Ext4FreeSpace : public testing::Test {
 protected:
  void SetUp() override {
    if (test::find_program("mke2fs").empty() || test::find_program("dumpe2fs").empty()) {
      GTEST_SKIP() << "no mke2fs and dumpe2fs";
    }
  }
  void make(std::vector<std::string> options, ByteCount size = 200_MiB) {
    size_ = size;
    test::make_image(image_, size + before * 2);
    std::vector<std::string> command = {"mke2fs", "-q", "-F", "-E",
                                        "offset=" + std::to_string(before.value())};
    command.insert(command.end(), options.begin(), options.end());
    command.insert(command.end(), {image_, std::to_string(size.value() >> 10) + "k"});
    const auto made = run_program(command);
    ASSERT_TRUE(made.ok()) << made.output;
  }
  // Files of all sizes, of which some are removed again.
  void fill() {
    const std::string file = folder_ / "file";
    std::string commands;
    for (int i = 0; i < 60; ++i) {
      const std::string name = file + std::to_string(i % 7);
      if (i < 7) test::write_text(name, std::string(1 + random_->below(2'000'000), 'x'));
      commands += fmt::format("write {} f{}\n", name, i);
    }
    for (int i = 0; i < 59; i += 1 + static_cast<int>(random_->below(3))) {
      commands += fmt::format("rm f{}\n", i);
    }
    debug(commands);
  }
  void debug(const std::string& commands) {
    const auto done = run_program({"debugfs", "-w", "-f", "-", inside()}, commands);
    ASSERT_TRUE(done.ok()) << done.output;
  }
  std::string inside() const { return image_ + "?offset=" + std::to_string(before.value()); }
  ByteRun area() const { return ByteRun::of(ByteIndex(0) + before, size_); }

  // "Free blocks: 5-9, 12" in each group; with bigalloc these are the first blocks of clusters.
  std::vector<ByteRun> told() {
    const auto said = run_program({"dumpe2fs", inside()});
    std::uint64_t block = 0;
    std::uint64_t cluster = 0;
    std::uint64_t blocks = 0;
    std::vector<ByteRun> runs;
    std::istringstream lines(said.output);
    for (std::string line; std::getline(lines, line);) {
      const auto after = [&](std::string_view word) -> std::optional<std::string> {
        const auto at = line.find_first_not_of(' ');
        if (at == std::string::npos || !std::string_view(line).substr(at).starts_with(word)) {
          return std::nullopt;
        }
        return line.substr(at + word.size());
      };
      if (const auto text = after("Block size:")) block = cluster = std::stoull(*text);
      if (const auto text = after("Cluster size:")) cluster = std::stoull(*text);
      if (const auto text = after("Block count:")) blocks = std::stoull(*text);
      const auto list = after("Free blocks:");
      if (!list || block == 0 || list->find_first_of("0123456789") == std::string::npos) continue;
      if (line[0] != ' ') continue;  // The head's number of free blocks.
      std::istringstream parts(*list);
      for (std::string part; std::getline(parts, part, ',');) {
        const std::uint64_t first = std::stoull(part);
        const auto dash = part.find('-');
        const std::uint64_t last =
            (dash == std::string::npos ? first : std::stoull(part.substr(dash + 1))) +
            cluster / block - 1;
        const ByteIndex begin = area().begin + ByteCount(first * block);
        const ByteIndex end = area().begin + ByteCount(std::min(last + 1, blocks) * block);
        if (!runs.empty() && runs.back().end == begin) {
          runs.back().end = end;
        } else {
          runs.push_back({begin, end});
        }
      }
    }
    return runs;
  }
  void expect_as_told(const std::string& what) {
    const Free free = free_in(image_, area());
    ASSERT_TRUE(free.result) << what << ": " << free.result.error().text();
    const auto wanted = told();
    ASSERT_FALSE(wanted.empty()) << what;
    EXPECT_EQ(free.runs, wanted) << what;
  }
  void expect_refused(ErrorKind kind, const std::string& words) {
    const Free free = free_in(image_, area());
    ASSERT_FALSE(free.result) << words;
    EXPECT_EQ(free.result.error().kind(), kind) << free.result.error().text();
    EXPECT_NE(free.result.error().text().find(words), std::string::npos)
        << free.result.error().text();
  }

  const std::unique_ptr<Random> random_ = test::test_random();
  const test::TemporaryFolder folder_;
  const std::string image_ = folder_ / "image";
  ByteCount size_;
};

TEST_F(Ext4FreeSpace, IsWhatDumpe2fsSays) {
  const std::vector<std::vector<std::string>> kinds = {
      {"-t", "ext4", "-b", "4096"},
      {"-t", "ext4", "-b", "1024"},
      {"-t", "ext4", "-b", "2048", "-O", "^flex_bg"},
      {"-t", "ext4", "-O", "^metadata_csum,uninit_bg"},
      {"-t", "ext4", "-O", "meta_bg,^resize_inode"},
      {"-t", "ext4", "-O", "sparse_super2,^resize_inode"},
      {"-t", "ext4", "-O", "bigalloc", "-C", "65536"},
      {"-t", "ext4", "-O", "^has_journal"},
      {"-t", "ext4", "-b", "1024", "-g", "1024"},
      {"-t", "ext3"},
      {"-t", "ext2", "-b", "1024"}};
  for (const auto& kind : kinds) {
    make(kind);
    expect_as_told(fmt::format("{} empty", fmt::join(kind, " ")));
    fill();
    expect_as_told(fmt::format("{}", fmt::join(kind, " ")));
  }
  make({"-t", "ext4"}, 3_GiB + 77_MiB);
  fill();
  expect_as_told("larger");
}

// Whoever writes there overwrites nothing: the oracle's oracle.
TEST_F(Ext4FreeSpace, CanBeOverwrittenAndEverythingIsStillThere) {
  make({"-t", "ext4"});
  fill();
  const Free free = free_in(image_, area());
  ASSERT_TRUE(free.result);
  for (const ByteRun& run : free.runs) {
    test::write_at(image_, run.begin, test::random_bytes(*random_, run.length().size()));
  }
  const auto checked = run_program({"e2fsck", "-fn", inside()});
  EXPECT_TRUE(checked.ok()) << checked.output;
  const std::string out = folder_ / "out";
  debug("dump f59 " + out + "\ndump f58 " + out + "2\n");
  int there = 0;
  for (const auto& [copy, original] : {std::pair(out, 59 % 7), std::pair(out + "2", 58 % 7)}) {
    if (!std::filesystem::exists(copy)) continue;  // It was removed.
    ++there;
    EXPECT_TRUE(run_program({"cmp", copy, folder_ / ("file" + std::to_string(original))}).ok());
  }
  EXPECT_GT(there, 0);
}

TEST_F(Ext4FreeSpace, OfOneThatIsInUseOrHasErrorsIsNotKnown) {
  make({"-t", "ext4"});
  debug("feature +needs_recovery\n");
  expect_refused(ErrorKind::busy, "journal is not empty");
  debug("feature -needs_recovery\nset_super_value state 3\n");
  expect_refused(ErrorKind::damaged, "e2fsck");
  debug("set_super_value state 0\n");
  expect_refused(ErrorKind::busy, "mounted");
  debug("set_super_value state 1\n");
  expect_as_told("again");
}

TEST_F(Ext4FreeSpace, OfAMountedOneIsNotKnown) {
  EBB_NEEDS_LOOP_DEVICES();
  make({"-t", "ext4"});
  const auto loop = test::LoopDevice::attach(image_, {.offset = before, .size_limit = size_});
  ASSERT_TRUE(loop) << loop.error().text();
  std::filesystem::create_directory(folder_ / "mnt");
  const auto mounted = test::Mount::at((*loop)->path(), folder_ / "mnt", "ext4");
  ASSERT_TRUE(mounted) << mounted.error().text();
  ASSERT_TRUE(run_program({"sh", "-c", "echo x > " + (folder_ / "mnt") + "/x; sync"}).ok());
  expect_refused(ErrorKind::busy, "journal is not empty");
  // What is mounted to be read only is not frozen by whoever suspends it.
  EXPECT_TRUE(*is_written_as_mounted((*loop)->path()));
  ASSERT_TRUE((*mounted)->make_read_only());
  EXPECT_FALSE(*is_written_as_mounted((*loop)->path()));
}

// Each bitmap has a checksum, or a count that it must agree with.
TEST_F(Ext4FreeSpace, OfADamagedOneIsNotKnown) {
  for (const char* features : {"metadata_csum", "^metadata_csum"}) {
    make({"-t", "ext4", "-b", "4096", "-O", features});
    fill();
    const auto said = run_program({"dumpe2fs", inside()}).output;
    const auto at = said.find("Block bitmap at ");
    ASSERT_NE(at, std::string::npos);
    const std::uint64_t block = std::stoull(said.substr(at + 16));
    const ByteIndex place = area().begin + ByteCount(block * 4096);
    const UniqueFd fd(::open(image_.c_str(), O_RDWR | O_CLOEXEC));
    ByteVector byte(1);
    auto source = *FdSource::over(fd.get());
    const ByteIndex chosen = place + ByteCount(random_->below(4096));
    ASSERT_TRUE(source.read(chosen, byte));
    test::write_at(image_, chosen, ByteVector{byte[0] ^ std::byte{1}});
    expect_refused(ErrorKind::damaged, "block group 0");
  }
}

TEST_F(Ext4FreeSpace, OfSomethingElseIsAbsent) {
  test::make_image(image_, 20_MiB);
  size_ = 10_MiB;
  expect_refused(ErrorKind::absent, "no ext4");
  EXPECT_EQ(free_in(image_, ByteRun::of(ByteIndex(0), 100_B)).result.error().kind(),
            ErrorKind::absent);
}

TEST_F(Ext4FreeSpace, OfOneWhoseSizesAreALieIsNotKnown) {
  make({"-t", "ext4", "-O", "^metadata_csum"});
  const auto lie = [&](std::size_t at, std::uint32_t value) {
    test::write_at(image_, area().begin + 1_KiB + ByteCount(at), copy_of(bytes_of_struct(value)));
  };
  lie(offsetof(ext2_super_block, s_blocks_count), 1u << 30);
  expect_refused(ErrorKind::damaged, "sizes");
  make({"-t", "ext4", "-O", "^metadata_csum"});
  lie(offsetof(ext2_super_block, s_blocks_per_group), 0);
  expect_refused(ErrorKind::damaged, "sizes");
  lie(offsetof(ext2_super_block, s_log_block_size), 50);
  expect_refused(ErrorKind::damaged, "sizes");
}

}  // namespace
}  // namespace ebb
