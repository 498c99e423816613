// SPDX-License-Identifier: Apache-2.0
// Who can open a repository, who can add to it, and how that changes.
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/ebb_program.h"
#include "tests/support/image_file.h"

namespace ebb::test {
namespace {

class Keys : public testing::Test {
 protected:
  void SetUp() override {
    make_image(disk_, 1_MiB);
    write_at(disk_, ByteIndex(0), ByteVector(200'000, std::byte{0x42}));
    const EbbRun made = ebb_.init();
    ASSERT_TRUE(made.ok()) << made;
    paper_ = made.json["paper_key"];
    ASSERT_TRUE(ebb_.backup(disk_, "disk").ok());
  }

  EbbRun open_with(const std::string& passphrase_file) const {
    return ebb_.run({"verify", "disk@latest", "--passphrase-file", passphrase_file});
  }
  void expect_opens(const std::string& passphrase_file) const {
    const EbbRun run = open_with(passphrase_file);
    EXPECT_TRUE(run.ok()) << run;
  }
  void expect_does_not_open(const std::string& passphrase_file) const {
    const EbbRun run = open_with(passphrase_file);
    EXPECT_TRUE(run.is(ExitCode::failed)) << run;
    EXPECT_NE(run.err.find("passphrase"), std::string::npos) << run;
  }

  const TemporaryFolder folder_;
  const EbbProgram ebb_{folder_};
  const std::string disk_ = folder_ / "disk.img";
  std::string paper_;
};

TEST_F(Keys, APaperKeyOpensWhatThePassphraseOpens) {
  expect_opens(ebb_.passphrase_file("paper", paper_));
  std::string altered = paper_;
  altered[3] = altered[3] == '7' ? '8' : '7';
  const EbbRun run = open_with(ebb_.passphrase_file("altered", altered));
  EXPECT_TRUE(run.is(ExitCode::failed)) << run;
}

TEST_F(Keys, AWrongPassphraseOpensNothing) {
  expect_does_not_open(ebb_.passphrase_file("wrong", "incorrect horse"));
}

TEST_F(Keys, AnAddedPassphraseOpensUntilItIsRemoved) {
  const std::string second = ebb_.passphrase_file("second", "another passphrase");
  const EbbRun added = ebb_.run({"key", "add", "--new-passphrase-file", second, "--name", "Ann"});
  ASSERT_TRUE(added.ok()) << added;
  expect_opens(second);
  const EbbRun listed = ebb_.run({"key", "list"});
  ASSERT_TRUE(listed.ok()) << listed;
  EXPECT_EQ(listed.json["slots"].size(), 3u);
  const std::string slot = added.json["slot"];
  const EbbRun removed = ebb_.run({"key", "remove", slot});
  ASSERT_TRUE(removed.ok()) << removed;
  expect_does_not_open(second);
  expect_opens(ebb_.passphrase);
}

TEST_F(Keys, RotationEndsOtherPassphrasesAndTheOldPaperKeyAndMovesNoContent) {
  const std::string second = ebb_.passphrase_file("second", "another passphrase");
  ASSERT_TRUE(ebb_.run({"key", "add", "--new-passphrase-file", second}).ok());
  const std::uint64_t before = bytes_in_packs(ebb_.repository);
  const EbbRun rotated = ebb_.run({"key", "rotate", "--passphrase-file", second});
  ASSERT_TRUE(rotated.ok()) << rotated;
  EXPECT_EQ(bytes_in_packs(ebb_.repository), before);
  expect_does_not_open(ebb_.passphrase);
  expect_does_not_open(ebb_.passphrase_file("paper", paper_));
  expect_opens(second);
  expect_opens(ebb_.passphrase_file("new-paper", rotated.json["paper_key"]));
  // The same source key goes on, and knows what is there.
  const EbbRun next = ebb_.backup(disk_, "disk");
  ASSERT_TRUE(next.ok()) << next;
  EXPECT_EQ(next.json["sequence"], 2);
  EXPECT_EQ(next.json["blocks_shipped"], 0);
  expect_opens(second);
}

TEST_F(Keys, AnotherSourceAddsUntilItIsRemoved) {
  const std::string key = folder_ / "web2.key";
  const EbbRun added = ebb_.run({"key", "add", "--source", key, "--name", "web2"});
  ASSERT_TRUE(added.ok()) << added;
  struct stat status {};
  ASSERT_EQ(::stat(key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  const EbbRun made = ebb_.backup(disk_, "other", {"--source-key", key});
  ASSERT_TRUE(made.ok()) << made;
  const std::string id = added.json["source"];
  ASSERT_TRUE(ebb_.run({"key", "remove", id}).ok());
  const EbbRun refused = ebb_.backup(disk_, "other", {"--source-key", key});
  EXPECT_TRUE(refused.is(ExitCode::failed)) << refused;
  EXPECT_NE(refused.err.find("was removed from the repository"), std::string::npos) << refused;
  // Its points stay, and say who made them.
  const EbbRun points = ebb_.run({"points", "other"});
  ASSERT_TRUE(points.ok()) << points;
  ASSERT_EQ(points.json.size(), 1u);
  EXPECT_EQ(points.json[0]["signed_by"], "web2");
  EXPECT_TRUE(ebb_.run({"verify"}).ok());
  EXPECT_TRUE(ebb_.backup(disk_, "disk").ok());
}

TEST_F(Keys, ASourceKeyThatOthersCanReadIsRefused) {
  ASSERT_EQ(::chmod(ebb_.source_key.c_str(), 0644), 0);
  const EbbRun run = ebb_.backup(disk_, "disk");
  EXPECT_TRUE(run.is(ExitCode::failed)) << run;
  EXPECT_NE(run.err.find("can be read by others"), std::string::npos) << run;
  ASSERT_EQ(::chmod(ebb_.source_key.c_str(), 0600), 0);
  EXPECT_TRUE(ebb_.backup(disk_, "disk").ok());
}

TEST_F(Keys, ASourceKeyOfAnotherRepositoryIsRefused) {
  const TemporaryFolder elsewhere;
  const EbbProgram other(elsewhere);
  ASSERT_TRUE(other.init().ok());
  const EbbRun run = ebb_.backup(disk_, "disk", {"--source-key", other.source_key});
  EXPECT_TRUE(run.is(ExitCode::failed)) << run;
  EXPECT_NE(run.err.find("belongs to repository"), std::string::npos) << run;
}

TEST_F(Keys, ABackupNeedsNoPassphraseAndNobodyIsAsked) {
  std::filesystem::remove(ebb_.passphrase);
  EXPECT_TRUE(ebb_.backup(disk_, "disk").ok());
  EXPECT_TRUE(ebb_.run({"points"}).ok());
  const EbbRun restore = ebb_.restore("disk@latest", folder_ / "target.img");
  EXPECT_TRUE(restore.is(ExitCode::failed)) << restore;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "target.img"));
}

TEST_F(Keys, NoOptionTakesAPassphraseItself) {
  for (const char* option : {"--passphrase", "--password", "-p"}) {
    const EbbRun run = ebb_.run({"points", option, "secret"});
    EXPECT_TRUE(run.is(ExitCode::usage)) << option << run;
  }
}

TEST_F(Keys, NothingThatNamesTheVolumeLiesInTheRepositoryInClear) {
  ASSERT_TRUE(ebb_.backup(disk_, "payroll-of-customer-17").ok());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ebb_.repository)) {
    EXPECT_EQ(entry.path().string().find("payroll"), std::string::npos);
    if (!entry.is_regular_file() || entry.file_size() == 0) continue;
    const ByteVector bytes = read_at(entry.path(), ByteIndex(0), ByteCount(entry.file_size()));
    EXPECT_EQ(text_of(bytes).find("payroll-of-customer"), std::string_view::npos) << entry.path();
    EXPECT_EQ(text_of(bytes).find("disk.img"), std::string_view::npos) << entry.path();
  }
}

}  // namespace
}  // namespace ebb::test
