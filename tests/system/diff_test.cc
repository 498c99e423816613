// SPDX-License-Identifier: Apache-2.0
// A difference file turns A into B where A is, and nothing else into anything.
#include <filesystem>
#include <optional>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

constexpr int sectors_in_block = 32;  // Blocks of 16 KiB.

// `ebb diff apply` keeps its journal where the machine keeps such things; an empty folder that was
// not there before goes again.
class JournalFolder {
 public:
  JournalFolder() {
    for (const char* folder : {"/var/lib/ebb/restore", "/var/lib/ebb"}) {
      if (!std::filesystem::exists(folder)) made_.push_back(folder);
    }
  }
  ~JournalFolder() {
    std::error_code not_empty;
    for (const std::string& folder : made_) std::filesystem::remove(folder, not_empty);
  }
  JournalFolder(const JournalFolder&) = delete;
  JournalFolder& operator=(const JournalFolder&) = delete;

 private:
  std::vector<std::string> made_;
};

class Difference : public testing::Test {
 protected:
  void SetUp() override {
    EBB_NEEDS_LOOP_DEVICES();
    make_image(source_, size_);
    make_image(folder_ / "target.img", size_);
    auto target = LoopDevice::attach(folder_ / "target.img");
    ASSERT_TRUE(target.has_value());
    target_ = *std::move(target);
    ASSERT_TRUE(ebb_.init().ok());
    StampedDevice oracle(source_, size_, random_->next_u64());
    oracle.fill();
    oracle.change(*random_, 6);
    a_ = back_up();
    state_a_ = oracle.state();
    // The copy has A only.
    std::filesystem::copy(ebb_.repository, copy_, std::filesystem::copy_options::recursive);
    oracle.change(*random_, 6);
    b_ = back_up();
    state_b_ = oracle.state();
    const EbbRun exported = ebb_.run({"diff", "export", a_, b_, "-o", file_});
    ASSERT_TRUE(exported.ok()) << exported;
    EXPECT_EQ(exported.json["bytes"], std::filesystem::file_size(file_));
  }

  std::string back_up() {
    const EbbRun made = ebb_.backup(source_, "disk", {"--block-size", "16K"});
    EXPECT_TRUE(made.ok()) << made;
    return made.json["point"];
  }

  std::optional<std::uint64_t> block_that_stayed() const {
    const auto begin = state_a_.sectors.begin();
    for (std::uint64_t block = 0; (block + 1) * sectors_in_block <= state_a_.sectors.size();
         ++block) {
      const auto first = static_cast<std::ptrdiff_t>(block * sectors_in_block);
      if (std::equal(begin + first, begin + first + sectors_in_block,
                     state_b_.sectors.begin() + first)) {
        return block;
      }
    }
    return std::nullopt;
  }

  const JournalFolder journals_;
  const std::unique_ptr<Random> random_ = test_random();
  const ByteCount size_ = ByteCount((4_MiB).value() + random_->below(4096) * 512);
  const TemporaryFolder folder_;
  const EbbProgram ebb_{folder_};
  const std::string source_ = folder_ / "source.img";
  const std::string file_ = folder_ / "a-to-b.ebbdiff";
  const std::string copy_ = folder_ / "copy";
  std::unique_ptr<LoopDevice> target_;
  std::string a_, b_;
  StampedDevice::State state_a_, state_b_;
};

TEST_F(Difference, TurnsADeviceThatHoldsAIntoB) {
  ASSERT_TRUE(ebb_.restore(a_, target_->path()).ok());
  const EbbRun unasked = ebb_.run({"diff", "apply", file_, target_->path()});
  EXPECT_TRUE(unasked.is(ExitCode::refused)) << unasked;
  EXPECT_EQ(first_wrong_sector(target_->path(), state_a_), "");
  const EbbRun applied = ebb_.run({"diff", "apply", file_, target_->path(), "--yes"});
  ASSERT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(first_wrong_sector(target_->path(), state_b_), "");
  // Once more changes nothing.
  const EbbRun again = ebb_.run({"diff", "apply", file_, target_->path(), "--yes"});
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_EQ(again.json["bytes_written"], 0);
  EXPECT_EQ(first_wrong_sector(target_->path(), state_b_), "");
}

TEST_F(Difference, IsRefusedByADeviceThatDoesNotHoldA) {
  ASSERT_TRUE(ebb_.restore(a_, target_->path()).ok());
  // In a block that B has from A, and so is not in the file, one sector is another one here.
  const auto block = block_that_stayed();
  if (!block) GTEST_SKIP() << "by chance, every block changed";
  const std::uint64_t sector = *block * sectors_in_block + random_->below(sectors_in_block);
  write_at(target_->path(), ByteIndex(sector * 512), ByteVector(512, std::byte{0x77}));
  const ByteVector before = read_at(target_->path(), ByteIndex(0), size_);
  const EbbRun applied = ebb_.run({"diff", "apply", file_, target_->path(), "--yes"});
  EXPECT_TRUE(applied.is(ExitCode::refused)) << applied;
  EXPECT_NE(applied.err.find("does not hold point A"), std::string::npos) << applied;
  EXPECT_TRUE(same_bytes(read_at(target_->path(), ByteIndex(0), size_), before));
}

TEST_F(Difference, IsRefusedByADeviceOfSomethingElse) {
  write_at(target_->path(), ByteIndex(0), ByteVector(size_.size(), std::byte{0x11}));
  const EbbRun applied = ebb_.run({"diff", "apply", file_, target_->path(), "--yes"});
  EXPECT_TRUE(applied.is(ExitCode::refused)) << applied;
  EXPECT_TRUE(same_bytes(read_at(target_->path(), ByteIndex(0), size_),
                         ByteVector(size_.size(), std::byte{0x11})));
}

TEST_F(Difference, BringsBIntoACopyOfTheRepositoryThatHasA) {
  const EbbRun applied = ebb_.run({"diff", "apply", file_, copy_});
  ASSERT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(applied.json["point"], b_);
  EXPECT_EQ(applied.json["was_there"], false);
  const EbbRun again = ebb_.run({"diff", "apply", file_, copy_});
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_EQ(again.json["was_there"], true);
  EXPECT_TRUE(ebb_.run({"verify", "--repo", copy_}).ok());
  const EbbRun restored = ebb_.restore(b_, target_->path(), {"--repo", copy_});
  ASSERT_TRUE(restored.ok()) << restored;
  EXPECT_EQ(first_wrong_sector(target_->path(), state_b_), "");
}

TEST_F(Difference, IsRefusedByAnotherRepository) {
  const TemporaryFolder elsewhere;
  const EbbProgram other(elsewhere);
  ASSERT_TRUE(other.init().ok());
  const EbbRun applied = other.run({"diff", "apply", file_, other.repository});
  EXPECT_TRUE(applied.is(ExitCode::failed)) << applied;
  EXPECT_EQ(other.run({"points"}).json.size(), 0u);
}

TEST_F(Difference, ThatIsDamagedChangesNothing) {
  ASSERT_TRUE(ebb_.restore(a_, target_->path()).ok());
  const std::uint64_t length = std::filesystem::file_size(file_);
  // Wherever it lies: in a block, a page, a key, a table, parity.
  const std::uint64_t at = random_->below(length - 64);
  const ByteVector was = read_at(file_, ByteIndex(at), 64_B);
  write_at(file_, ByteIndex(at), random_bytes(*random_, 64));
  const EbbRun applied = ebb_.run({"diff", "apply", file_, target_->path(), "--yes"});
  // Where the bytes are not needed (padding, parity), it may go well; then it ends right.
  EXPECT_EQ(first_wrong_sector(target_->path(), applied.ok() ? state_b_ : state_a_), "")
      << applied << "64 bytes at " << at << " of " << length;
}

}  // namespace
}  // namespace ebb::test
