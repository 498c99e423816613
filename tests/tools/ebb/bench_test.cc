// SPDX-License-Identifier: Apache-2.0
// ebb bench on a small volume: that it measures everything, leaves nothing, and refuses in words.
// What a figure is, is never looked at.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/tools/ebb/in_process.h"

namespace ebb::test {
namespace {

class BenchCommand : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(place_); }
  std::vector<std::string> words(std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"bench", "--dir", place_, "--seconds", "0.01"});
    return more;
  }
  bool place_is_empty() const { return std::filesystem::is_empty(place_); }

  InProcess ebb_;
  const std::string place_ = ebb_.folder / "place";
};

TEST_F(BenchCommand, PrintsATableAndAVerdict) {
  ASSERT_EQ(ebb_.run(words({"--size", "32M"})), ExitCode::done) << ebb_.err;
  std::ranges::replace(ebb_.out, '\n', ' ');  // The verdict is broken into lines.
  for (const char* word :
       {"ONE THREAD", "fingerprint openssl", "compress zstd:3", "parity", "READING", "WRITING",
        "fdatasync", "the ring", "pack writing", "full backup", "1 % changed", "verify", "restore",
        "A full backup of 1 TiB", "What binds is", "With --compress zstd"}) {
    EXPECT_NE(ebb_.out.find(word), std::string::npos) << word << "\n" << ebb_.out;
  }
  EXPECT_TRUE(place_is_empty());
}

TEST_F(BenchCommand, PrintsOneDocumentOfJsonWithEveryFigure) {
  const nlohmann::json json = ebb_.json_of(words({"--size", "32M"}));
  ASSERT_TRUE(json.is_object()) << ebb_.out << ebb_.err;
  for (const char* list : {"stages", "reads", "writes", "ring", "runs"}) {
    ASSERT_FALSE(json[list].empty()) << list;
    for (const auto& figure : json[list]) {
      EXPECT_GT(figure["bytes"], 0) << figure;
      EXPECT_GT(figure["seconds"], 0) << figure;
      EXPECT_TRUE(figure.contains("cpu_seconds")) << figure;
    }
  }
  EXPECT_EQ(json["reads"].size(), 8u);
  ASSERT_EQ(json["runs"].size(), 5u);
  for (const auto& run : json["runs"]) {
    EXPECT_GT(run["ceiling_seconds"], 0) << run;
    EXPECT_TRUE(run["binds"].is_string()) << run;
  }
  EXPECT_EQ(json["runs"][0]["volume_bytes"], 32 << 20);
  EXPECT_GT(json["runs"][0]["stored_bytes"], json["runs"][1]["stored_bytes"]);
  EXPECT_GT(json["sync"]["p99_seconds"], 0);
  EXPECT_GT(json["packs"]["operations"], 0);
  EXPECT_TRUE(place_is_empty());
}

TEST_F(BenchCommand, MeasuresOnlyWhatIsNamed) {
  const nlohmann::json json = ebb_.json_of(words({"ring", "verify", "--size", "8M"}));
  EXPECT_FALSE(json["ring"].empty());
  ASSERT_EQ(json["runs"].size(), 1u);
  EXPECT_EQ(json["runs"][0]["run"], "verify");
  EXPECT_FALSE(json["runs"][0].contains("binds")) << "without stages there is no ceiling";
  EXPECT_TRUE(json["stages"].empty());
  EXPECT_TRUE(json["reads"].empty());
}

TEST_F(BenchCommand, ReadsADeviceAndDoesNotWriteToIt) {
  const std::string disk = ebb_.image("disk.img", 8_MiB);
  const ByteVector before = read_at(disk, ByteIndex(0), 8_MiB);
  const nlohmann::json json =
      ebb_.json_of(words({"stages", "read", "backup", "restore", "--device", disk}));
  ASSERT_TRUE(json.is_object()) << ebb_.err;
  EXPECT_NE(json["content"].get<std::string>().find("disk.img"), std::string::npos);
  EXPECT_EQ(json["runs"][0]["volume_bytes"], 8 << 20);
  EXPECT_EQ(json["runs"][0]["bytes"], 4 << 20) << "holes are not read";
  EXPECT_TRUE(same_bytes(read_at(disk, ByteIndex(0), 8_MiB), before));
  EXPECT_TRUE(place_is_empty());
}

TEST_F(BenchCommand, UsesAsMuchOfADeviceAsItIsTold) {
  const std::string disk = ebb_.image("disk.img", 8_MiB);
  const auto json = ebb_.json_of(words({"backup", "restore", "--device", disk, "--size", "3M"}));
  ASSERT_TRUE(json.is_object()) << ebb_.err;
  EXPECT_EQ(json["runs"][0]["volume_bytes"], 3 << 20);
}

TEST_F(BenchCommand, RefusesInWords) {
  const auto refuses = [&](const std::vector<std::string>& arguments, ExitCode code,
                           const char* word) {
    EXPECT_EQ(ebb_.run(arguments), code) << word << ebb_.err;
    EXPECT_NE(ebb_.err.find(word), std::string::npos) << ebb_.err;
    EXPECT_EQ(ebb_.out, "");
    EXPECT_TRUE(place_is_empty());
  };
  refuses(words({"everything"}), ExitCode::usage, "everything");
  refuses(words({"--seconds", "0"}), ExitCode::usage, "seconds");
  refuses(words({"--size", "1P"}), ExitCode::failed, "1P");
  refuses(words({"--size", "65T"}), ExitCode::failed, "at the most");
  refuses(words({"--size", "64K"}), ExitCode::failed, "1.0 MiB");
  refuses(words({"--size", "60T"}), ExitCode::refused, "free");
  refuses(words({"--device", ebb_.folder / "nothing"}), ExitCode::failed, "nothing");
  refuses(words({"--device", place_}), ExitCode::failed, "place");
  refuses({"bench", "--dir", ebb_.passphrase}, ExitCode::failed, "is no folder");
  refuses({"bench", "--dir", ebb_.folder / "nothing"}, ExitCode::failed, "is no folder");
}

TEST_F(BenchCommand, LeavesNothingWhenItIsInterrupted) {
  ebb_.clock = SteppingClock(0.01);
  for (const std::uint64_t look : {1, 20, 100, 150}) {
    ebb_.stop_at_look = look;
    EXPECT_EQ(ebb_.run(words({"--size", "8M"})), ExitCode::interrupted) << look << ebb_.out;
    EXPECT_NE(ebb_.err.find("interrupted"), std::string::npos) << ebb_.err;
    EXPECT_TRUE(place_is_empty()) << look;
  }
}

}  // namespace
}  // namespace ebb::test
