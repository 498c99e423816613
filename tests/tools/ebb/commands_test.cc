// SPDX-License-Identifier: Apache-2.0
// Each command in its turn on a small repository: what it prints, as JSON and for people.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/tools/ebb/in_process.h"

namespace ebb::test {
namespace {

bool has_all(const nlohmann::json& json, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (!json.is_object() || !json.contains(key)) {
      ADD_FAILURE() << "no " << key << " in " << json;
      return false;
    }
  }
  return true;
}

class Commands : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(ebb_.run({"init", ebb_.repository, "--json"}), ExitCode::done) << ebb_.err;
    ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "web1", "--quiet"}), ExitCode::done)
        << ebb_.err;
  }
  InProcess ebb_;
  const std::string disk_ = ebb_.image("disk.img");
};

TEST_F(Commands, PrintOneLineOfJsonWhenAsked) {
  const std::string target = ebb_.folder / "target.img";
  const std::string file = ebb_.folder / "file.ebbdiff";
  write_at(disk_, ByteIndex(0), ByteVector(10, std::byte{1}));
  const nlohmann::json made = ebb_.json_of({"backup", disk_, "--volume", "web1"});
  EXPECT_EQ(ebb_.code, ExitCode::done);
  has_all(made, {"point", "volume", "source", "blocks_total", "blocks_changed", "bytes_read",
                 "bytes_stored", "seconds"});
  EXPECT_EQ(made["blocks_total"], 16);
  EXPECT_EQ(made["blocks_changed"], 1);
  EXPECT_EQ(made["sequence"], 2);
  const nlohmann::json points = ebb_.json_of({"points"});
  ASSERT_EQ(points.size(), 2u);
  const std::string a = points[0]["point"];
  const std::string b = points[1]["point"];
  EXPECT_EQ(points[1]["predecessor"], a);
  EXPECT_EQ(made["point"], b);
  has_all(ebb_.json_of({"inspect", disk_}), {"kind", "table", "occupation", "identity"});
  const nlohmann::json verdict = ebb_.json_of({"restore", a, target, "--check"});
  has_all(verdict, {"point", "target", "verdict", "findings", "damages"});
  EXPECT_FALSE(std::filesystem::exists(target)) << "a check makes nothing";
  has_all(ebb_.json_of({"restore", a, target}),
          {"point", "target", "bytes_written", "resumed", "damages", "seconds"});
  EXPECT_EQ(ebb_.code, ExitCode::done) << ebb_.err;
  EXPECT_EQ(ebb_.json_of({"verify"})["sound"], true);
  EXPECT_EQ(ebb_.json_of({"verify", "web1@latest", "--against", disk_})["sound"], true);
  EXPECT_EQ(ebb_.json_of({"verify", a, "--against", disk_})["sound"], false);
  EXPECT_EQ(ebb_.code, ExitCode::damaged);
  EXPECT_EQ(ebb_.json_of({"scrub"})["sound"], true);
  has_all(ebb_.json_of({"diff", "export", a, b, "-o", file}), {"a", "b", "file", "bytes"});
  has_all(ebb_.json_of({"diff", "apply", file, target, "--yes"}), {"point", "bytes_written"});
  has_all(ebb_.json_of({"key", "list"}), {"slots", "sources"});
  has_all(ebb_.json_of({"key", "add", "--paper"}), {"slot", "paper_key"});
  has_all(ebb_.json_of({"key", "rotate"}), {"data_keys_wrapped", "paper_key"});
}

TEST_F(Commands, SpeakToPeopleOtherwise) {
  ASSERT_EQ(ebb_.run({"points"}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("web1"), std::string::npos) << ebb_.out;
  ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "web1"}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("0 of 16 blocks changed"), std::string::npos) << ebb_.out;
  ASSERT_EQ(ebb_.run({"scrub"}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("all sound"), std::string::npos) << ebb_.out;
  ASSERT_EQ(ebb_.run({"restore", "web1@latest", ebb_.folder / "target.img"}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("restored and compared"), std::string::npos) << ebb_.out;
}

TEST_F(Commands, PointsListsOneVolumeOrAll) {
  ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "db1"}), ExitCode::done);
  EXPECT_EQ(ebb_.json_of({"points"}).size(), 2u);
  const nlohmann::json one = ebb_.json_of({"points", "db1"});
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0]["volume"], "db1");
  EXPECT_EQ(ebb_.json_of({"points", "nothing"}).size(), 0u);
}

TEST_F(Commands, APointIsNamedByAUniqueStartOfItsIdOrAsTheLatest) {
  const std::string id = ebb_.json_of({"points"})[0]["point"];
  EXPECT_EQ(ebb_.json_of({"verify", id.substr(0, 8)})["sound"], true);
  EXPECT_EQ(ebb_.json_of({"verify", "web1@latest"})["sound"], true);
  EXPECT_EQ(ebb_.run({"verify", id.substr(0, 3)}), ExitCode::failed);
  EXPECT_EQ(ebb_.run({"verify", "db1@latest"}), ExitCode::failed);
  EXPECT_EQ(ebb_.run({"verify", "web1@first"}), ExitCode::failed);
  EXPECT_NE(ebb_.err.find("latest"), std::string::npos) << ebb_.err;
}

TEST_F(Commands, InspectShowsAnImagesSizeAndWhatItIs) {
  ASSERT_EQ(ebb_.run({"inspect", disk_}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("1048576 bytes (1.0 MiB)"), std::string::npos) << ebb_.out;
  const nlohmann::json json = ebb_.json_of({"inspect", disk_});
  EXPECT_EQ(json["kind"], "image");
  EXPECT_EQ(ebb_.run({"inspect", ebb_.folder / "nothing"}), ExitCode::failed);
  EXPECT_NE(ebb_.err.find("nothing"), std::string::npos) << ebb_.err;
  EXPECT_EQ(ebb_.run({"inspect", ebb_.folder.path()}), ExitCode::failed);
}

TEST_F(Commands, RestoreOverAnImageWantsAYes) {
  const std::string target = ebb_.image("target.img");
  const ByteVector before = read_at(target, ByteIndex(0), 1_MiB);
  EXPECT_EQ(ebb_.run({"restore", "web1@latest", target}), ExitCode::refused);
  EXPECT_NE(ebb_.err.find("--yes"), std::string::npos) << ebb_.err;
  EXPECT_TRUE(same_bytes(read_at(target, ByteIndex(0), 1_MiB), before));
  EXPECT_EQ(ebb_.run({"restore", "web1@latest", target, "--yes"}), ExitCode::done) << ebb_.err;
}

TEST_F(Commands, PruneSaysWhatStaysAndWhyAndRemovesTheRest) {
  for (int i = 0; i < 2; ++i) {
    write_at(disk_, ByteIndex(0), ByteVector(10, static_cast<std::byte>(i + 1)));
    ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "web1"}), ExitCode::done) << ebb_.err;
  }
  const nlohmann::json plan = ebb_.json_of({"prune", "--keep-last", "1", "--dry-run"});
  has_all(plan, {"points", "removed", "minimum_age_seconds", "dry_run"});
  ASSERT_EQ(plan["points"].size(), 3u);
  has_all(plan["points"][0],
          {"point", "volume", "volume_id", "sequence", "arrived", "keep", "reason"});
  EXPECT_EQ(plan["points"][0]["reason"], "last 1");
  EXPECT_EQ(plan["points"][0]["volume"], "web1");
  EXPECT_EQ(plan["points"][2]["keep"], false);
  EXPECT_EQ(ebb_.json_of({"points"}).size(), 3u) << "a dry run removes nothing";
  EXPECT_EQ(ebb_.run({"prune", "--keep-last", "1", "--volume", "nothing"}), ExitCode::failed);
  EXPECT_EQ(ebb_.run({"prune"}), ExitCode::failed);
  EXPECT_NE(ebb_.err.find("--keep-last"), std::string::npos) << ebb_.err;
  ASSERT_EQ(ebb_.run({"prune", "--keep-last", "1", "--volume", "web1"}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("removed 2 of 3 points"), std::string::npos) << ebb_.out;
  EXPECT_EQ(ebb_.json_of({"points"}).size(), 1u);
  // A chain with a gap is no damage.
  const nlohmann::json verified = ebb_.json_of({"verify"});
  EXPECT_EQ(verified["sound"], true);
  EXPECT_EQ(verified["gaps"].size(), 1u);
  EXPECT_NE(ebb_.err.find("pruned, or taken away"), std::string::npos) << ebb_.err;
}

TEST_F(Commands, PruneNeedsNoKeyAndThenKnowsVolumesByTheirIds) {
  const std::string id = ebb_.json_of({"prune", "--keep-last", "1"})["points"][0]["volume_id"];
  ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "web1"}), ExitCode::done);
  ebb_.environment.erase("EBB_PASSPHRASE_FILE");
  std::filesystem::remove(ebb_.environment["EBB_SOURCE_KEY"]);
  const nlohmann::json pruned = ebb_.json_of({"prune", "--keep-last", "1", "--volume", id});
  EXPECT_EQ(pruned["removed"], 1);
  EXPECT_EQ(pruned["points"][0]["volume"], "");
  EXPECT_TRUE(ebb_.prompts.empty());
}

TEST_F(Commands, TheMinimumAgeIsRaisedAndNeverLowered) {
  ASSERT_EQ(ebb_.run({"prune", "--raise-minimum-age", "30d"}), ExitCode::done) << ebb_.err;
  EXPECT_EQ(ebb_.run({"prune", "--raise-minimum-age", "29d"}), ExitCode::failed);
  EXPECT_NE(ebb_.err.find("never lowered"), std::string::npos) << ebb_.err;
  EXPECT_EQ(ebb_.run({"prune", "--raise-minimum-age", "soon"}), ExitCode::failed);
  ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "web1"}), ExitCode::done);
  const nlohmann::json pruned = ebb_.json_of({"prune", "--keep-last", "1", "--minimum-age", "1s"});
  EXPECT_EQ(pruned["removed"], 0);
  EXPECT_EQ(pruned["minimum_age_seconds"], 30 * 86400);
}

TEST_F(Commands, CollectSaysWhatItGaveBack) {
  write_at(disk_, ByteIndex(0), ByteVector((1_MiB).size(), std::byte{7}));
  ASSERT_EQ(ebb_.run({"backup", disk_, "--volume", "web1"}), ExitCode::done);
  ASSERT_EQ(ebb_.run({"prune", "--keep-last", "1"}), ExitCode::done);
  const nlohmann::json looked = ebb_.json_of({"collect", "--dry-run"});
  EXPECT_EQ(looked["packs_unneeded"], 1);
  EXPECT_EQ(looked["packs_removed"], 0);
  const nlohmann::json collected = ebb_.json_of({"collect"});
  EXPECT_EQ(ebb_.code, ExitCode::done) << ebb_.err;
  has_all(collected, {"points", "packs", "packs_rewritten", "packs_pardoned", "packs_left",
                      "bytes_written", "waits_for", "obstacles", "seconds"});
  EXPECT_EQ(collected["packs_removed"], 1);
  EXPECT_EQ(collected["envelopes_removed"], 1);
  EXPECT_GT(collected["bytes_freed"], 0);
  ASSERT_EQ(ebb_.run({"collect"}), ExitCode::done);
  EXPECT_NE(ebb_.out.find("removed 0"), std::string::npos) << ebb_.out;
  EXPECT_EQ(ebb_.json_of({"verify"})["sound"], true);
}

TEST_F(Commands, CollectNamesWhatStandsInTheWay) {
  const std::string id = ebb_.json_of({"points"})[0]["point"];
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(ebb_.repository + "/points")) {
    if (entry.is_regular_file()) write_text(entry.path(), "no point");
  }
  EXPECT_EQ(ebb_.run({"collect"}), ExitCode::damaged);
  EXPECT_NE(ebb_.out.find(id), std::string::npos) << ebb_.out;
  EXPECT_NE(ebb_.out.find("ebb scrub"), std::string::npos) << ebb_.out;
}

TEST_F(Commands, AWrongPassphraseFails) {
  write_text(ebb_.folder / "wrong", "guess\n");
  const std::string target = ebb_.folder / "target.img";
  const auto code =
      ebb_.run({"restore", "web1@latest", target, "--passphrase-file", ebb_.folder / "wrong"});
  EXPECT_EQ(code, ExitCode::failed);
  EXPECT_NE(ebb_.err.find("passphrase"), std::string::npos) << ebb_.err;
  EXPECT_EQ(ebb_.err.find("guess"), std::string::npos) << "a secret is not repeated";
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(Commands, APassphraseIsAskedForWhereNoFileIsNamed) {
  ebb_.environment.erase("EBB_PASSPHRASE_FILE");
  ebb_.answers = {"correct horse battery staple"};
  EXPECT_EQ(ebb_.run({"verify", "web1@latest"}), ExitCode::done) << ebb_.err;
  EXPECT_EQ(ebb_.prompts.size(), 1u);
  EXPECT_EQ(ebb_.run({"verify", "web1@latest"}), ExitCode::failed) << "nobody answers";
}

TEST_F(Commands, ABackupAsksNobody) {
  ebb_.environment.erase("EBB_PASSPHRASE_FILE");
  EXPECT_EQ(ebb_.run({"backup", disk_, "--volume", "web1"}), ExitCode::done) << ebb_.err;
  EXPECT_TRUE(ebb_.prompts.empty());
}

TEST_F(Commands, InitMakesNoRepositoryOverAnother) {
  EXPECT_EQ(ebb_.run({"init", ebb_.repository}), ExitCode::failed);
  EXPECT_EQ(ebb_.json_of({"points"}).size(), 1u);
}

TEST(Init, AsksTwiceAndMakesNothingWhenTheAnswersDiffer) {
  InProcess ebb;
  ebb.environment.erase("EBB_PASSPHRASE_FILE");
  ebb.answers = {"one", "two"};
  EXPECT_EQ(ebb.run({"init", ebb.repository}), ExitCode::failed);
  EXPECT_FALSE(std::filesystem::exists(ebb.repository));
  ebb.answers = {"one", "one"};
  EXPECT_EQ(ebb.run({"init", ebb.repository}), ExitCode::done) << ebb.err;
  EXPECT_EQ(ebb.prompts.size(), 4u);
  EXPECT_NE(ebb.out.find("paper key"), std::string::npos) << ebb.out;
}

TEST(Progress, IsPlainLinesOnTheErrorStreamWhereThereIsNoTerminal) {
  InProcess ebb;
  const std::string disk = ebb.image("disk.img", 24_MiB);
  ASSERT_EQ(ebb.run({"init", ebb.repository}), ExitCode::done);
  ebb.clock = SteppingClock(11);  // A line at every look.
  const nlohmann::json made = ebb.json_of({"backup", disk, "--volume", "v"});
  EXPECT_EQ(ebb.code, ExitCode::done);
  EXPECT_TRUE(made.is_object()) << "progress must not be in the output: " << ebb.out;
  EXPECT_NE(ebb.err.find(" of 24.0 MiB ("), std::string::npos) << ebb.err;
  EXPECT_NE(ebb.err.find("/s"), std::string::npos) << ebb.err;
  EXPECT_EQ(ebb.err.find('\r'), std::string::npos);
}

TEST(Progress, IsOneLineDrawnOverItselfOnATerminalAndGoneAtTheEnd) {
  InProcess ebb;
  const std::string disk = ebb.image("disk.img", 24_MiB);
  ASSERT_EQ(ebb.run({"init", ebb.repository}), ExitCode::done);
  ebb.clock = SteppingClock(11);
  ebb.err_is_terminal = true;
  ASSERT_EQ(ebb.run({"backup", disk, "--volume", "v"}), ExitCode::done);
  EXPECT_NE(ebb.err.find('\r'), std::string::npos);
  EXPECT_EQ(ebb.err.find('\n'), std::string::npos) << ebb.err;
  EXPECT_TRUE(ebb.err.ends_with("\r\033[K")) << ebb.err;
}

TEST(Progress, IsNotShownWhenQuiet) {
  InProcess ebb;
  const std::string disk = ebb.image("disk.img", 24_MiB);
  ASSERT_EQ(ebb.run({"init", ebb.repository}), ExitCode::done);
  ebb.clock = SteppingClock(11);
  ASSERT_EQ(ebb.run({"backup", disk, "--volume", "v", "--quiet"}), ExitCode::done);
  EXPECT_EQ(ebb.err, "");
}

}  // namespace
}  // namespace ebb::test
