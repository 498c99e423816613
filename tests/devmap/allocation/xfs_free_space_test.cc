// SPDX-License-Identifier: Apache-2.0
// Free space of file systems that mkfs.xfs made and the kernel filled, against what xfs_db says of
// them and where the kernel says that files lie.
#include "devmap/allocation/xfs_free_space.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <utility>

#include "devmap/allocation/xfs_shape.h"
#include "devmap/core/unique_fd.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/xfs_db.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;
using Runs = std::vector<ByteRun>;
using Words = std::vector<std::string>;

Result<Runs> look(ByteSource& source, XfsLog log) {
  Runs runs;
  TRY(xfs_free_space(source, {ByteIndex(0), ByteIndex(source.size().value())}, log,
                     [&](ByteRun run) { runs.push_back(run); }));
  return runs;
}

Result<Runs> look(const std::string& image, XfsLog log = XfsLog::must_be_empty) {
  const UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  FdSource source = TRY(FdSource::over(fd.get()));
  return look(source, log);
}

void write_file(const std::string& path, std::uint64_t bytes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string content(bytes, 'x');
  ASSERT_EQ(::write(fd.get(), content.data(), content.size()),
            static_cast<ssize_t>(content.size()));
}

// Gives back every other block of the file.
void punch(const std::string& path, std::uint64_t block, std::uint64_t holes) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  for (std::uint64_t i = 0; i < holes; ++i) {
    ASSERT_EQ(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                          static_cast<off_t>(2 * i * block), static_cast<off_t>(block)),
              0);
  }
}

// How often its log was begun.
std::uint32_t log_cycle(const std::string& image) {
  const UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  FdSource source = FdSource::over(fd.get()).value();
  const ByteRun all = {ByteIndex(0), ByteIndex(source.size().value())};
  const ByteIndex log = XfsShape::read(source, all).value().log.bytes.begin;
  const ByteVector first = test::read_at(image, log, 8_B);
  std::array<Be32, 2> words;
  std::memcpy(&words, first.data(), sizeof words);
  return words[words[0].value() == xfs_log_magic ? 1 : 0].value();
}

// A file system in an image, mounted while there is a `mount`.
class XfsFreeSpace : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    EBB_NEEDS_PROGRAM("mkfs.xfs");
    EBB_NEEDS_PROGRAM("xfs_db");
    std::filesystem::create_directory(mounted);
  }
  void make(const Words& options, ByteCount size = 512_MiB) {
    test::make_image(image, size);
    // As for xfstests, or mkfs.xfs refuses to make small ones.
    Words words = {"env", "TEST_DIR=1", "TEST_DEV=1", "QA_CHECK_FS=1", "mkfs.xfs", "-q", "-f"};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(image);
    const auto made = test::run_program(words);
    ASSERT_TRUE(made.ok()) << made.output;
  }
  // Empty, or why not: kernels need not know version 4, nor blocks larger than their pages.
  std::string try_to_mount(const std::string& what) {
    auto attached = test::LoopDevice::attach(what);
    if (!attached) return attached.error().text();
    loop = *std::move(attached);
    auto made = test::Mount::at(loop->path(), mounted, "xfs");
    if (!made) return made.error().text();
    mount = *std::move(made);
    return "";
  }
  void do_mount(const std::string& what) { ASSERT_EQ(try_to_mount(what), ""); }
  void unmount() {
    mount.reset();
    loop.reset();
  }
  // Thousands of small files in several folders, every other of them removed, and a file with so
  // many holes.
  void fill(std::uint64_t block, std::uint64_t holes) {
    for (int f = 0; f < 4; ++f) std::filesystem::create_directory(fmt::format("{}/{}", mounted, f));
    const auto name = [&](int i) { return fmt::format("{}/{}/{}", mounted, i % 4, i); };
    for (int i = 0; i < 3000; ++i) write_file(name(i), 1 + static_cast<unsigned>(i) % 5000);
    sync();
    for (int i = 0; i < 3000; ++i) {
      if (i / 4 % 2 == 0) std::filesystem::remove(name(i));
    }
    write_file(mounted + "/holes", 2 * holes * block);
    sync();
    punch(mounted + "/holes", block, holes);
  }
  void sync() {
    const UniqueFd fd(::open(mounted.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::syncfs(fd.get()), 0);
  }
  // A record of the log, of its own.
  void change_folder(mode_t mode) {
    const UniqueFd fd(::open(mounted.c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::fchmod(fd.get(), mode), 0);
    ASSERT_EQ(::fsync(fd.get()), 0);
  }
  // What it says of free space is what xfs_db says.
  void expect_same(const std::string& what, XfsLog log = XfsLog::must_be_empty) {
    const auto runs = look(what, log);
    ASSERT_TRUE(runs) << runs.error().text();
    ASSERT_FALSE(runs->empty());
    EXPECT_TRUE(*runs == test::ask_xfs_db(what).free) << runs->size() << " runs";
  }
  void expect_busy(const std::string& what) {
    const auto runs = look(what);
    ASSERT_FALSE(runs);
    EXPECT_EQ(runs.error().kind(), ErrorKind::busy) << runs.error().text();
    EXPECT_THAT(runs.error().text(), HasSubstr("the log of the XFS is not empty"));
  }

  test::TemporaryFolder folder;
  std::string image = folder / "image";
  std::string mounted = folder / "mounted";
  std::unique_ptr<test::LoopDevice> loop;
  std::unique_ptr<test::Mount> mount;
};

struct Kind {
  std::string name;
  Words options;
  std::uint64_t levels;  // That the tree of some group gets, at least.
  std::uint64_t holes = 12000;
  ByteCount size = 512_MiB;

  friend void PrintTo(const Kind& kind, std::ostream* to) { *to << kind.name; }
};

class XfsOfAnyKind : public XfsFreeSpace, public testing::WithParamInterface<Kind> {};

TEST_P(XfsOfAnyKind, SaysWhatXfsDbSaysWhenNew) {
  make(GetParam().options, GetParam().size);
  expect_same(image);
}

TEST_P(XfsOfAnyKind, SaysWhatXfsDbSaysWhenFilled) {
  make(GetParam().options, GetParam().size);
  const test::XfsDbSays fresh = test::ask_xfs_db(image);
  if (const std::string why = try_to_mount(image); !why.empty()) GTEST_SKIP() << why;
  fill(fresh.block, GetParam().holes);
  unmount();
  expect_same(image);
  const test::XfsDbSays filled = test::ask_xfs_db(image);
  EXPECT_GE(std::ranges::max(filled.levels), GetParam().levels);
  EXPECT_GT(filled.free.size(), fresh.free.size() + 1000);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, XfsOfAnyKind,
    testing::Values(Kind{"Usual", {}, 2}, Kind{"SmallBlocks", {"-b", "size=1024"}, 3},
                    Kind{"Version4", {"-m", "crc=0"}, 2},
                    Kind{"Version4SmallestBlocks", {"-m", "crc=0", "-b", "size=512"}, 3},
                    Kind{"Version4FirstLog", {"-m", "crc=0", "-l", "version=1"}, 2},
                    Kind{"LargeBlocks", {"-b", "size=65536"}, 1, 1200, 2_GiB},
                    Kind{"LargeSectors", {"-s", "size=4096"}, 2},
                    Kind{"StripedLog", {"-l", "su=32768"}, 2},
                    Kind{"StripedLogOfLargeRecords", {"-l", "su=262144"}, 2},
                    Kind{"ReverseMap", {"-m", "rmapbt=1", "-b", "size=1024"}, 3},
                    Kind{"ManyGroups", {"-d", "agcount=200"}, 2, 12000, 20_GiB}),
    [](const auto& chosen) { return chosen.param.name; });

TEST_F(XfsFreeSpace, IsNotSaidWhileChangesAreInTheLog) {
  make({"-b", "size=1024"});
  do_mount(image);
  fill(1024, 100);
  sync();
  expect_busy(image);
  // A copy of what a crash would have left, and the same after its recovery.
  ASSERT_TRUE(test::run_program({"cp", "--sparse=always", image, folder / "copy"}).ok());
  unmount();
  expect_same(image);
  expect_busy(folder / "copy");
  do_mount(folder / "copy");
  write_file(mounted + "/after", 100);
  sync();
  expect_busy(folder / "copy");
  unmount();
  expect_same(folder / "copy");
}

// Around the log and on.
TEST_F(XfsFreeSpace, IsSaidAgainAfterEachUnmountWhereverTheLogHasGotTo) {
  make({"-l", "size=6m"}, 100_MiB);
  const auto random = test::test_random();
  for (int round = 0; round < 24; ++round) {
    do_mount(image);
    for (std::uint64_t left = 1 + random->below(1000); left > 0; --left) {
      write_file(fmt::format("{}/{}", mounted, random->below(2000)), 1 + random->below(6000));
      if (left % 4 == 0) change_folder(left % 8 == 0 ? 0700 : 0711);
    }
    sync();
    expect_busy(image);
    unmount();
    expect_same(image);
  }
  EXPECT_GE(log_cycle(image), 2u);
}

// A read-only file system is as good as none, because what made it so emptied the log.
TEST_F(XfsFreeSpace, IsSaidWhileMountedReadOnly) {
  make({});
  do_mount(image);
  fill(4096, 100);
  const auto made = mount->make_read_only();
  ASSERT_TRUE(made) << made.error().text();
  expect_same(image);
}

// Thawed with the scope.
class Frozen {
 public:
  explicit Frozen(const std::string& folder)
      : fd_(::open(folder.c_str(), O_RDONLY | O_CLOEXEC)),
        done_(::ioctl(fd_.get(), FIFREEZE, 0) == 0) {}
  ~Frozen() {
    if (done_) ::ioctl(fd_.get(), FITHAW, 0);
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  bool done() const { return done_; }

 private:
  UniqueFd fd_;
  bool done_;
};

// Where the file's content lies on the device.
Runs places_of(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  constexpr std::uint32_t at_once = 500;
  std::vector<std::byte> room(sizeof(fiemap) + at_once * sizeof(fiemap_extent));
  auto* const map = reinterpret_cast<fiemap*>(room.data());
  Runs places;
  for (std::uint64_t from = 0;;) {
    std::fill(room.begin(), room.end(), std::byte{0});
    map->fm_start = from;
    map->fm_length = UINT64_MAX - from;
    map->fm_extent_count = at_once;
    EXPECT_EQ(::ioctl(fd.get(), FS_IOC_FIEMAP, map), 0);
    if (map->fm_mapped_extents == 0) return places;
    for (std::uint32_t i = 0; i < map->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = map->fm_extents[i];
      from = extent.fe_logical + extent.fe_length;
      places.push_back(ByteRun::of(ByteIndex(extent.fe_physical), ByteCount(extent.fe_length)));
    }
  }
}

TEST_F(XfsFreeSpace, OfAFrozenOneIsAllInItsPlaceAndHoldsNoFile) {
  make({"-b", "size=1024"});
  do_mount(image);
  fill(1024, 5000);
  write_file(mounted + "/not-synced", 3000000);
  Runs runs;
  {
    const Frozen frozen(mounted);
    ASSERT_TRUE(frozen.done());
    expect_busy(image);
    expect_same(image, XfsLog::was_frozen);
    runs = look(image, XfsLog::was_frozen).value();
    std::size_t compared = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(mounted)) {
      if (!entry.is_regular_file()) continue;
      for (const ByteRun& place : places_of(entry.path())) {
        const auto next = std::ranges::upper_bound(runs, place.begin, {}, &ByteRun::end);
        ASSERT_TRUE(next == runs.end() || !next->touches(place)) << entry.path();
        ++compared;
      }
    }
    EXPECT_GT(compared, 6000u);
    ASSERT_TRUE(test::run_program({"cp", "--sparse=always", image, folder / "copy"}).ok());
  }
  unmount();
  // What the log's recovery makes of the copy is what was said before it.
  do_mount(folder / "copy");
  unmount();
  expect_same(folder / "copy");
  EXPECT_TRUE(look(folder / "copy").value() == runs);
}

// Says where it was read, and flips one bit.
class FlippedSource final : public ByteSource {
 public:
  explicit FlippedSource(FdSource source) : source_(std::move(source)) {}
  ByteCount size() const override { return source_.size(); }
  Result<void> read(ByteIndex at, MutableBytes room) override {
    TRY(source_.read(at, room));
    const ByteRun bytes = ByteRun::of(at, ByteCount(room.size()));
    if (flip && bytes.contains(*flip)) room[(*flip - at).size()] ^= std::byte{8};
    reads.push_back(bytes);
    return {};
  }
  std::optional<ByteIndex> flip;
  Runs reads;

 private:
  FdSource source_;
};

TEST_F(XfsFreeSpace, IsNotSaidWhenABitOfItsMetadataFlipped) {
  make({"-b", "size=1024"});
  do_mount(image);
  fill(1024, 3000);
  unmount();
  const UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  FlippedSource source(FdSource::over(fd.get()).value());
  ASSERT_TRUE(look(source, XfsLog::was_frozen));
  const Runs reads = source.reads;
  const auto random = test::test_random();
  for (int i = 0; i < 500; ++i) {
    const ByteRun read = reads[random->below(reads.size())];
    source.flip = read.begin + ByteCount(random->below(read.length().value()));
    EXPECT_FALSE(look(source, XfsLog::was_frozen)) << "byte " << source.flip->value();
  }
}

TEST_F(XfsFreeSpace, ReadsNotMuchMoreThanTheTrees) {
  make({"-b", "size=1024"});
  do_mount(image);
  fill(1024, 5000);
  unmount();
  const UniqueFd fd(::open(image.c_str(), O_RDONLY | O_CLOEXEC));
  FlippedSource source(FdSource::over(fd.get()).value());
  const std::size_t runs = look(source, XfsLog::was_frozen).value().size();
  // A block has 60 records at least.
  EXPECT_LT(source.reads.size(), 30 + runs / 60);
}

TEST_F(XfsFreeSpace, OfALogOnAnotherDeviceIsNotKnown) {
  test::make_image(folder / "log", 100_MiB);
  make({"-l", "logdev=" + (folder / "log")});
  const auto runs = look(image);
  ASSERT_FALSE(runs);
  EXPECT_EQ(runs.error().kind(), ErrorKind::invalid) << runs.error().text();
}

TEST_F(XfsFreeSpace, IsSaidAfterTheUuidWasChanged) {
  EBB_NEEDS_PROGRAM("xfs_admin");
  make({});
  ASSERT_TRUE(test::run_program({"xfs_admin", "-U", "generate", image}).ok());
  expect_same(image);
  do_mount(image);
  write_file(mounted + "/file", 100000);
  unmount();
  expect_same(image);
}

TEST_F(XfsFreeSpace, IsSaidAfterARepairEmptiedTheLog) {
  EBB_NEEDS_PROGRAM("xfs_repair");
  make({"-b", "size=1024"});
  do_mount(image);
  fill(1024, 100);
  sync();
  ASSERT_TRUE(test::run_program({"cp", "--sparse=always", image, folder / "copy"}).ok());
  unmount();
  (void)test::run_program({"xfs_repair", "-L", folder / "copy"});
  expect_same(folder / "copy");
}

}  // namespace
}  // namespace ebb
