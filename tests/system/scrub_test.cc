// SPDX-License-Identifier: Apache-2.0
// Rot in a repository: what parity mends, what it cannot, and how a restore goes on without it.
#include <filesystem>
#include <optional>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"
#include "tests/support/loop_device.h"
#include "tests/support/seed.h"
#include "tests/support/stamped_device.h"

namespace ebb::test {
namespace {

constexpr ByteCount size = 12_MiB;
constexpr std::uint64_t sectors_in_block = 128;

class Rot : public testing::Test {
 protected:
  void SetUp() override {
    make_image(source_, size);
    make_image(target_, size);
    write_at(target_, ByteIndex(0), ByteVector(size.size(), std::byte{0x99}));
    oracle_.emplace(source_, size, random_->next_u64());
    ASSERT_TRUE(ebb_.init().ok());
    oracle_->fill();
    ASSERT_TRUE(back_up().ok());
  }
  EbbRun back_up() const { return ebb_.backup(source_, "disk", {"--compress", "none"}); }

  void flip(const std::string& pack, std::uint64_t at, std::uint64_t length) {
    write_at(pack, ByteIndex(at), random_bytes(*random_, static_cast<std::size_t>(length)));
  }

  // A restore refuses and leaves the target alone; with --salvage it writes the rest, and says what
  // is lost. Returns what the target should hold then.
  void expect_only_salvage() {
    const EbbRun check = ebb_.check("disk@latest", target_);
    EXPECT_TRUE(check.is(ExitCode::refused)) << check;
    EXPECT_EQ(check.finding("records-damaged")["overridden_by"], "--salvage") << check;
    const ByteVector before = read_at(target_, ByteIndex(0), size);
    const EbbRun refused = ebb_.restore("disk@latest", target_);
    EXPECT_TRUE(refused.is(ExitCode::refused)) << refused;
    EXPECT_TRUE(same_bytes(read_at(target_, ByteIndex(0), size), before));

    const EbbRun salvaged = ebb_.restore("disk@latest", target_, {"--salvage"});
    ASSERT_TRUE(salvaged.is(ExitCode::incomplete)) << salvaged;
    StampedDevice::State rest = oracle_->state();
    std::uint64_t lost = 0;
    for (const auto& damage : salvaged.json["damages"]) {
      EXPECT_EQ(damage["volume"], "disk");
      lost += damage["blocks"].get<std::uint64_t>();
      const std::uint64_t first = damage["first_block"].get<std::uint64_t>() * sectors_in_block;
      const std::uint64_t end = first + damage["blocks"].get<std::uint64_t>() * sectors_in_block;
      // Lost blocks read as zeroes, not as what the target held before.
      for (std::uint64_t s = first; s < end; ++s) rest.sectors.at(s) = Stamp{};
    }
    EXPECT_GT(lost, 0u);
    EXPECT_LT(lost, size.value() / (64_KiB).value()) << "nothing was salvaged";
    EXPECT_EQ(first_wrong_sector(target_, rest), "");
  }

  void expect_restorable() {
    const EbbRun restored = ebb_.restore("disk@latest", target_);
    ASSERT_TRUE(restored.ok()) << restored;
    EXPECT_EQ(first_wrong_sector(target_, oracle_->state()), "");
  }

  const std::unique_ptr<Random> random_ = test_random();
  const TemporaryFolder folder_;
  const EbbProgram ebb_{folder_};
  const std::string source_ = folder_ / "source.img";
  const std::string target_ = folder_ / "target.img";
  std::optional<StampedDevice> oracle_;
};

TEST_F(Rot, OfAMebibyteAnywhereInAPackIsFoundAndMended) {
  const std::string pack = packs_of(ebb_.repository).at(0);
  const ByteCount length(std::filesystem::file_size(pack));
  const ByteVector sound = read_at(pack, ByteIndex(0), length);
  std::vector<std::uint64_t> places{0, length.value() - (1_MiB).value()};
  for (int i = 0; i < 6; ++i) places.push_back(random_->below(places[1]));
  for (const std::uint64_t at : places) {
    SCOPED_TRACE(fmt::format("1 MiB at {} of {}", at, length.value()));
    flip(pack, at, (1_MiB).value());
    const EbbRun found = ebb_.run({"scrub"});
    EXPECT_TRUE(found.is(ExitCode::damaged)) << found;
    EXPECT_FALSE(found.json["findings"].empty());
    const EbbRun mended = ebb_.run({"scrub", "--repair"});
    ASSERT_TRUE(mended.ok()) << mended;
    EXPECT_EQ(mended.json["findings"].at(0)["mended"], true);
    EXPECT_TRUE(ebb_.run({"scrub"}).ok());
    ASSERT_TRUE(same_bytes(read_at(pack, ByteIndex(0), length), sound));
  }
  expect_restorable();
}

TEST_F(Rot, OfOneByteIsRefusedByARestoreAndMended) {
  const std::string pack = packs_of(ebb_.repository).at(0);
  flip(pack, (6_MiB).value(), 16);
  EXPECT_TRUE(ebb_.run({"verify", "disk@latest"}).is(ExitCode::damaged));
  expect_only_salvage();
  ASSERT_TRUE(ebb_.run({"scrub", "--repair"}).ok());
  expect_restorable();
}

TEST_F(Rot, BeyondRepairIsListedAndHealedByTheNextBackup) {
  const std::string pack = packs_of(ebb_.repository).at(0);
  flip(pack, (3_MiB).value(), (4_MiB).value());
  const EbbRun scrubbed = ebb_.run({"scrub", "--repair"});
  EXPECT_TRUE(scrubbed.is(ExitCode::damaged)) << scrubbed;
  EXPECT_GT(scrubbed.json["records_lost"], 0);
  EXPECT_FALSE(scrubbed.json["damages"].empty());
  expect_only_salvage();
  // The device still has it all.
  const EbbRun healed = back_up();
  ASSERT_TRUE(healed.ok()) << healed;
  EXPECT_EQ(healed.json["blocks_shipped"], scrubbed.json["records_lost"]);
  expect_restorable();
}

TEST_F(Rot, ThatTookAPackAwayIsHealedByTheNextBackup) {
  const std::vector<std::string> first = packs_of(ebb_.repository);
  oracle_->change(*random_, 2);
  ASSERT_TRUE(back_up().ok());
  for (const std::string& pack : first) std::filesystem::remove(pack);
  expect_only_salvage();
  EXPECT_TRUE(ebb_.run({"scrub"}).is(ExitCode::damaged));
  EXPECT_TRUE(ebb_.run({"verify"}).is(ExitCode::damaged));
  const EbbRun healed = back_up();
  ASSERT_TRUE(healed.ok()) << healed;
  EXPECT_GT(healed.json["blocks_shipped"], 0);
  expect_restorable();
}

TEST_F(Rot, ThatCutAPackShortIsHealedByTheNextBackup) {
  const std::string pack = packs_of(ebb_.repository).at(0);
  std::filesystem::resize_file(pack, std::filesystem::file_size(pack) / 3);
  EXPECT_TRUE(ebb_.run({"scrub"}).is(ExitCode::damaged));
  EXPECT_TRUE(ebb_.run({"scrub", "--repair"}).is(ExitCode::damaged));
  const EbbRun healed = back_up();
  ASSERT_TRUE(healed.ok()) << healed;
  EXPECT_GT(healed.json["blocks_shipped"], 0) << healed;
  expect_restorable();
  EXPECT_TRUE(ebb_.run({"scrub"}).ok());
}

TEST_F(Rot, OfAnyByteOfAPackNeverGivesWrongBytes) {
  const std::string pack = packs_of(ebb_.repository).at(0);
  const std::uint64_t length = std::filesystem::file_size(pack);
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t at = random_->below(length);
    SCOPED_TRACE(fmt::format("byte {} of {}", at, length));
    ByteVector byte = read_at(pack, ByteIndex(at), 1_B);
    const ByteVector other{byte[0] ^ static_cast<std::byte>(1 + random_->below(255))};
    write_at(pack, ByteIndex(at), other);
    EXPECT_TRUE(ebb_.run({"scrub"}).is(ExitCode::damaged));
    const EbbRun restored = ebb_.restore("disk@latest", target_);
    // Padding, table and parity are not needed.
    EXPECT_TRUE(restored.ok() || restored.is(ExitCode::refused)) << restored;
    if (restored.ok()) {
      EXPECT_EQ(first_wrong_sector(target_, oracle_->state()), "");
    }
    write_at(pack, ByteIndex(at), byte);
  }
  EXPECT_TRUE(ebb_.run({"verify"}).ok());
}

}  // namespace
}  // namespace ebb::test
