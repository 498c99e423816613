// SPDX-License-Identifier: Apache-2.0
// A program with an option of each kind, and where it gets its settings from.
#include "tools/common/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <ostream>

#include "tests/tools/common/any_program.h"
#include "tools/common/time_option.h"

namespace ebb::test {
namespace {

using testing::HasSubstr;

// Says what its options have.
class Show final : public Command {
 public:
  explicit Show(CLI::App& app) {
    app.add_option("--folder", folder_, "A text (or SAMPLE_FOLDER)")->default_str("/somewhere");
    app.add_option("--runs", runs_, "A number")->check(CLI::Range(1, 64))->capture_default_str();
    app.add_flag("--hooks,!--no-hooks", hooks_, "A truth")->default_str("true");
    add_time_option(app, "--poll", poll_, "A time",
                    {std::chrono::seconds(1), std::chrono::hours(1)});
    app.add_option("--room", room_, "A size")->type_name(size_type);
    app.add_option("--word", words_, "A list");
    app.add_option("--shelf", shelves_, "Tables")->type_name("NAME=PLACE");
    app.add_flag("--yes", yes_, "About this run alone");
  }
  Result<ExitCode> run(Outside& outside) override {
    outside.out << fmt::format("folder={} runs={} hooks={} poll={} room={} yes={}",
                               folder_.empty() ? "-" : folder_, runs_, hooks_, poll_.count(), room_,
                               yes_);
    for (const std::string& word : words_) outside.out << " word=" << word;
    for (const std::string& shelf : shelves_) outside.out << " shelf=" << shelf;
    return ExitCode::done;
  }

 private:
  std::string folder_;
  unsigned runs_ = 2;
  bool hooks_ = true;
  std::chrono::seconds poll_{30};
  std::string room_;
  std::vector<std::string> words_;
  std::vector<std::string> shelves_;
  bool yes_ = false;
};

class Other final : public Command {
 public:
  explicit Other(CLI::App& app) { app.add_option("--folder", folder_, "The same"); }
  Result<ExitCode> run(Outside& outside) override {
    outside.out << "folder=" << folder_;
    return ExitCode::done;
  }

 private:
  std::string folder_;
};

std::unique_ptr<Command> make_show(CLI::App& app) {
  return std::make_unique<Show>(*app.add_subcommand("show", "Say it"));
}
std::unique_ptr<Command> make_other(CLI::App& app) {
  return std::make_unique<Other>(*app.add_subcommand("other", "Say less"));
}

ExitCode run_sample(const std::vector<std::string>& arguments, Outside& outside) {
  static constexpr ConfigKey keys[] = {
      {"folder", "SAMPLE_FOLDER"}, {"runs"}, {"hooks"}, {"poll"}, {"room"}, {"word"}, {"shelf"}};
  static constexpr CommandMaker makers[] = {make_show, make_other};
  static constexpr ProgramText text{"sample", "A program", "sample 1", "", "sample.toml", keys};
  return run_program(text, makers, arguments, outside);
}

class ConfigurationTest : public testing::Test {
 protected:
  std::string shown(const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = options;
    arguments.insert(arguments.begin(), "show");
    EXPECT_EQ(sample_.run(arguments), ExitCode::done) << sample_.err;
    return sample_.out;
  }
  // What is said against a file, without the path before it.
  std::string refusal(const std::string& text) {
    const std::string path = sample_.configure("sample.toml", text);
    EXPECT_EQ(sample_.run({"show"}), ExitCode::usage) << text;
    EXPECT_EQ(sample_.out, "");
    const std::string begin = "sample: " + path + ":";
    EXPECT_TRUE(sample_.err.starts_with(begin)) << sample_.err;
    return sample_.err.starts_with(begin) ? sample_.err.substr(begin.size()) : sample_.err;
  }

  AnyProgram sample_{run_sample};
};

TEST_F(ConfigurationTest, WithoutAFileTheDefaultsHold) {
  EXPECT_EQ(shown(), "folder=- runs=2 hooks=true poll=30 room= yes=false");
}

TEST_F(ConfigurationTest, AFileGivesEachKindOfOptionItsValue) {
  sample_.configure(
      "sample.toml",
      "folder = \"/srv\"\nruns = 5\nhooks = false\npoll = \"15min\"\nroom = \"50M\"\n"
      "word = [\"one\", \"two\"]\n"
      "[[shelf]]\nname = \"a\"\nplace = \"/a=b\"\n[[shelf]]\nplace = \"/c\"\nname = \"c\"\n");
  EXPECT_EQ(shown(),
            "folder=/srv runs=5 hooks=false poll=900 room=50M yes=false word=one word=two "
            "shelf=a=/a=b shelf=c=/c");
}

TEST_F(ConfigurationTest, TheCommandLineComesBeforeTheFile) {
  sample_.configure(
      "sample.toml",
      "folder = \"/srv\"\nruns = 5\nhooks = false\npoll = \"15min\"\nword = [\"one\"]\n");
  EXPECT_EQ(shown({"--folder", "/here", "--runs", "7", "--hooks", "--poll", "9", "--word", "two"}),
            "folder=/here runs=7 hooks=true poll=9 room= yes=false word=two");
}

TEST_F(ConfigurationTest, TheEnvironmentComesBeforeTheFile) {
  sample_.configure("sample.toml", "folder = \"/srv\"\nruns = 5\n");
  sample_.environment["SAMPLE_FOLDER"] = "/env";
  // The command looks at the variable itself; what matters is that the file did not speak first.
  EXPECT_EQ(shown(), "folder=- runs=5 hooks=true poll=30 room= yes=false");
  EXPECT_EQ(sample_.settings()["folder"]["value"], "/env");
  EXPECT_EQ(sample_.settings()["folder"]["from"], "environment SAMPLE_FOLDER");
}

TEST_F(ConfigurationTest, EveryCommandTakesWhatItHasAnOptionFor) {
  sample_.configure("sample.toml", "folder = \"/srv\"\nruns = 5\n");
  EXPECT_EQ(sample_.run({"other"}), ExitCode::done) << sample_.err;
  EXPECT_EQ(sample_.out, "folder=/srv");
}

TEST_F(ConfigurationTest, AnotherFileIsNamedByAnOptionAndHasToBeThere) {
  sample_.configure("sample.toml", "runs = 5\n");
  const std::string other = sample_.configure("other.toml", "runs = 6\n");
  EXPECT_THAT(shown({"--config", other}), HasSubstr("runs=6"));
  EXPECT_EQ(sample_.run({"show", "--config", sample_.folder / "none.toml"}), ExitCode::usage);
  EXPECT_THAT(sample_.err, HasSubstr("none.toml: No such file"));
  // None at all.
  EXPECT_THAT(shown({"--config", "/dev/null"}), HasSubstr("runs=2"));
}

TEST_F(ConfigurationTest, AFileThatCannotBeReadIsNotTakenForNone) {
  ASSERT_TRUE(std::filesystem::create_directory(sample_.folder / "sample.toml"));
  EXPECT_EQ(sample_.run({"show"}), ExitCode::usage);
  EXPECT_THAT(sample_.err, HasSubstr("reading the configuration"));
  sample_.environment["EBB_CONFIG_DIR"] = sample_.folder / "nowhere";
  EXPECT_EQ(sample_.run({"show"}), ExitCode::done) << sample_.err;
}

TEST_F(ConfigurationTest, AFileWithoutEndIsRefused) {
  EXPECT_EQ(sample_.run({"show", "--config", "/dev/zero"}), ExitCode::usage);
  EXPECT_THAT(sample_.err, HasSubstr("longer than"));
}

TEST_F(ConfigurationTest, AnUnknownKeyIsRefusedWithTheNearestKnownOne) {
  EXPECT_EQ(refusal("runs = 3\nrun = 4\n"),
            "2:1: there is no key \"run\"; did you mean \"runs\"?\n");
  EXPECT_THAT(refusal("[hooks_]\nx = 1\n"), HasSubstr("did you mean \"hooks\"?"));
  // An option, but no key: nobody writes --yes down for good.
  EXPECT_THAT(refusal("yes = true\n"), HasSubstr("1:1: there is no key \"yes\""));
  EXPECT_EQ(refusal("[[shelf]]\nname = \"a\"\nplaces = \"b\"\n"),
            "3:1: shelf: it has no \"places\"; did you mean \"place\"?\n");
}

TEST_F(ConfigurationTest, AWrongTypeIsRefusedWithTheRightOne) {
  const std::pair<const char*, const char*> cases[] = {
      {"folder = 3", "1:10: folder: it is to be a text in quotes\n"},
      {"runs = \"3\"", "1:8: runs: it is to be a whole number\n"},
      {"runs = 3.5", "1:8: runs: it is to be a whole number\n"},
      {"runs = [3]", "1:8: runs: it is to be a whole number\n"},
      {"hooks = 1", "1:9: hooks: it is to be true or false\n"},
      {"poll = 30",
       "1:8: poll: it is to be a time with its unit, in quotes, such as \"30s\", \"15min\" or "
       "\"1h\"\n"},
      {"room = 5", "1:8: room: it is to be a size in quotes, such as \"64K\" or \"50M\"\n"},
      {"word = \"one\"", "1:8: word: it is to be a list of texts, such as [\"one\", \"two\"]\n"},
      {"shelf = [\"a=b\"]", "1:10: shelf: it is to be tables [[shelf]] with name and place\n"},
      {"[shelf]\nname = \"a\"\nplace = \"b\"",
       "1:1: shelf: it is to be tables [[shelf]] with name and place\n"},
      {"[[shelf]]\nname = 3\nplace = \"b\"", "2:8: shelf: its name is to be a text in quotes\n"},
  };
  for (const auto& [text, why] : cases) EXPECT_EQ(refusal(text), why) << text;
}

TEST_F(ConfigurationTest, ATableLacksNothing) {
  EXPECT_EQ(refusal("[[shelf]]\nname = \"a\"\n"), "1:1: shelf: its place is missing\n");
  EXPECT_EQ(refusal("[[shelf]]\nplace = \"a\"\nname = \"\"\n"),
            "1:1: shelf: its name is missing\n");
  EXPECT_EQ(refusal("[[shelf]]\nname = \"a=b\"\nplace = \"c\"\n"),
            "2:8: shelf: its name may have no =\n");
}

TEST_F(ConfigurationTest, AWrongUnitOrAValueOutOfRangeIsRefusedWithWhatIsExpected) {
  EXPECT_EQ(refusal("runs = 65\n"), "1:8: runs: Value 65 not in range 1 to 64\n");
  EXPECT_EQ(refusal("runs = -1\n"), "1:8: runs: Value -1 not in range 1 to 64\n");
  EXPECT_EQ(refusal("poll = \"2h\"\n"), "1:8: poll: 2h is not in range 1s to 3600s\n");
  EXPECT_EQ(refusal("poll = \"3 parsecs\"\n"),
            "1:8: poll: \"3 parsecs\" is no time; write for example 30s, 15min or 1h\n");
  // On the command line a number alone is seconds; here its unit is wanted.
  EXPECT_THAT(refusal("poll = \"30\"\n"), HasSubstr("with its unit"));
}

TEST_F(ConfigurationTest, AFileIsCheckedAsAWholeByEveryCommand) {
  sample_.configure("sample.toml", "runs = 65\n");
  EXPECT_EQ(sample_.run({"other"}), ExitCode::usage);
  EXPECT_EQ(sample_.run({"show", "--runs", "3"}), ExitCode::usage);
  EXPECT_EQ(sample_.run({"config"}), ExitCode::usage);
  EXPECT_THAT(sample_.err, HasSubstr("sample.toml:1:8: runs"));
}

TEST_F(ConfigurationTest, EveryMistakeIsSaidInTheOrderOfTheFile) {
  const std::string said = refusal("zzz = 1\nruns = 0\npoll = 3\n");
  EXPECT_EQ(std::ranges::count(said, '\n'), 3);
  EXPECT_LT(said.find("zzz"), said.find("runs"));
  EXPECT_LT(said.find("runs"), said.find("poll"));
}

TEST_F(ConfigurationTest, WhatIsNotTomlIsRefusedWithItsPlace) {
  EXPECT_TRUE(refusal("runs = 3\npoll = 30s\n").starts_with("2:"));
}

TEST_F(ConfigurationTest, AnEmptyTextIsAsIfItWereNotThere) {
  sample_.configure("sample.toml", "folder = \"\"\nroom = \"\"\nword = []\n");
  EXPECT_EQ(shown(), "folder=- runs=2 hooks=true poll=30 room= yes=false");
  EXPECT_EQ(sample_.settings()["folder"]["from"], "default");
  EXPECT_EQ(sample_.settings()["folder"]["value"], "/somewhere");
}

TEST_F(ConfigurationTest, ConfigSaysWhereEachValueComesFrom) {
  const std::string path =
      sample_.configure("sample.toml", "runs = 5\n\n[[shelf]]\nname = \"a\"\nplace = \"/a\"\n");
  const nlohmann::json settings = sample_.settings({"--poll", "40", "--no-hooks"});
  ASSERT_TRUE(settings.is_object()) << sample_.err;
  EXPECT_EQ(settings.size(), 7u);
  EXPECT_EQ(settings["runs"], nlohmann::json({{"value", 5}, {"from", path + ":1"}}));
  EXPECT_EQ(settings["poll"], nlohmann::json({{"value", "40s"}, {"from", "command line"}}));
  EXPECT_EQ(settings["hooks"], nlohmann::json({{"value", false}, {"from", "command line"}}));
  EXPECT_EQ(settings["room"], nlohmann::json({{"value", ""}, {"from", "default"}}));
  EXPECT_EQ(settings["shelf"]["value"], nlohmann::json::array({{{"name", "a"}, {"place", "/a"}}}));
  EXPECT_EQ(settings["shelf"]["from"], path + ":3");
}

TEST_F(ConfigurationTest, ConfigRefusesWhatTheCommandWould) {
  EXPECT_EQ(sample_.run({"config", "--runs", "65"}), ExitCode::usage);
  EXPECT_THAT(sample_.err, HasSubstr("--runs: Value 65 not in range 1 to 64"));
}

TEST_F(ConfigurationTest, WhatConfigPrintsIsAFileThatSaysTheSame) {
  sample_.configure(
      "sample.toml",
      "folder = \"/a \\\"b\\\" \\\\c\\u00fc\"\nruns = 5\nhooks = false\nword = [\"x\"]\n"
      "[[shelf]]\nname = \"a\"\nplace = \"/a\"\n");
  ASSERT_EQ(sample_.run({"config", "--poll", "1h"}), ExitCode::done) << sample_.err;
  EXPECT_THAT(sample_.out, HasSubstr("poll = \"1h\"  # command line\n"));
  const std::string printed = sample_.configure("printed.toml", sample_.out);
  nlohmann::json before = sample_.settings({"--poll", "1h"});
  nlohmann::json after = sample_.settings({"--config", printed});
  ASSERT_TRUE(after.is_object()) << sample_.err;
  for (auto& [key, setting] : before.items()) {
    EXPECT_EQ(after[key]["value"], setting["value"]) << key;
  }
}

}  // namespace
}  // namespace ebb::test
