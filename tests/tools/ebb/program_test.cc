// SPDX-License-Identifier: Apache-2.0
// The program as a person meets it first: help, wrong usage, exit codes.
#include <gtest/gtest.h>

#include "tests/tools/ebb/in_process.h"

namespace ebb::test {
namespace {

using Words = std::vector<std::string>;

const std::vector<Words> commands = {
    {"init"},   {"backup"},      {"points"},         {"inspect"},       {"restore"},
    {"verify"}, {"diff"},        {"diff", "export"}, {"diff", "apply"}, {"scrub"},
    {"key"},    {"key", "list"}, {"key", "add"},     {"key", "remove"}, {"key", "rotate"},
    {"bench"},  {"track"},       {"track", "start"}, {"track", "stop"}, {"track", "status"}};

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word + " ";
  return text;
}

TEST(Help, OfEveryCommandShowsAnExampleOfIt) {
  InProcess ebb;
  for (const Words& command : commands) {
    Words arguments = command;
    arguments.push_back("--help");
    EXPECT_EQ(ebb.run(arguments), ExitCode::done) << joined(command);
    EXPECT_NE(ebb.out.find("\n  ebb " + joined(command)), std::string::npos)
        << joined(command) << "\n"
        << ebb.out;
    EXPECT_EQ(ebb.err, "") << joined(command);
  }
}

TEST(Help, OfTheProgramNamesEveryCommandAndTheExitCodes) {
  InProcess ebb;
  EXPECT_EQ(ebb.run({"--help"}), ExitCode::done);
  for (const Words& command : commands) {
    EXPECT_NE(ebb.out.find("  " + command.front() + " "), std::string::npos) << command.front();
  }
  EXPECT_NE(ebb.out.find("Exit codes"), std::string::npos);
}

TEST(Version, IsOneLine) {
  InProcess ebb;
  EXPECT_EQ(ebb.run({"--version"}), ExitCode::done);
  EXPECT_TRUE(ebb.out.starts_with("ebb ")) << ebb.out;
}

TEST(SeveralDevices, AreBackedUpTogetherFromSnapshotsOnly) {
  InProcess ebb;
  const std::string a = ebb.image("a.img");
  const std::string b = ebb.image("b.img");
  EXPECT_EQ(ebb.run({"backup", a, b}), ExitCode::failed);
  EXPECT_NE(ebb.err.find("--snapshot lvm"), std::string::npos) << ebb.err;
  EXPECT_EQ(ebb.run({"backup", a, b, "--snapshot", "auto"}), ExitCode::failed);
  EXPECT_NE(ebb.err.find("run ebb once for each device"), std::string::npos) << ebb.err;
}

TEST(Snapshots, AreOfLogicalVolumes) {
  InProcess ebb;
  ASSERT_EQ(ebb.run({"init", ebb.repository}), ExitCode::done) << ebb.err;
  const std::string image = ebb.image("disk.img");
  EXPECT_EQ(ebb.run({"backup", image, "--snapshot", "lvm"}), ExitCode::failed);
  EXPECT_NE(ebb.err.find("is no logical volume"), std::string::npos) << ebb.err;
  EXPECT_EQ(ebb.run({"backup", image, "--snapshot", "auto"}), ExitCode::done) << ebb.err;
}

TEST(WrongUsage, ExitsWith2AndSaysSoOnTheErrorStream) {
  InProcess ebb;
  const std::vector<Words> wrong = {{},
                                    {"destroy"},
                                    {"backup"},
                                    {"backup", "a", "--snapshot", "zfs"},
                                    {"backup", "a", "--snapshot", "lvm", "--snapshot-size", "0%"},
                                    {"backup", "a", "--snapshot-hold", "0"},
                                    {"backup", "a", "--fast"},
                                    {"backup", "a", "--block-size", "63K"},
                                    {"backup", "a", "--block-size", "2M"},
                                    {"backup", "a", "--compress", "gzip"},
                                    {"backup", "a", "--threads", "many"},
                                    {"restore", "point-only"},
                                    {"verify", "--sample", "101"},
                                    {"key"},
                                    {"track"},
                                    {"track", "start"},
                                    {"diff", "export", "a", "b"},
                                    {"points", "--passphrase", "secret"}};
  for (const Words& arguments : wrong) {
    EXPECT_EQ(ebb.run(arguments), ExitCode::usage) << joined(arguments);
    EXPECT_EQ(ebb.out, "") << joined(arguments);
    EXPECT_NE(ebb.err, "") << joined(arguments);
  }
}

TEST(ExitCodes, OfErrorsFollowTheirKind) {
  EXPECT_EQ(exit_code_of(Error::busy("x")), ExitCode::busy);
  EXPECT_EQ(exit_code_of(Error::damaged("x")), ExitCode::damaged);
  EXPECT_EQ(exit_code_of(Error::invalid("x")), ExitCode::failed);
  EXPECT_EQ(exit_code_of(Error::from_errno(ENOSPC)), ExitCode::failed);
  EXPECT_EQ(exit_code_of(Error::from_errno(ENOENT)), ExitCode::failed);
  EXPECT_EQ(exit_code_of(Error::from_errno(EACCES)), ExitCode::failed);
}

TEST(WhichRepository, IsAskedForWhenNothingNamesOne) {
  InProcess ebb;
  ebb.environment.erase("EBB_REPO");
  EXPECT_EQ(ebb.run({"points"}), ExitCode::failed);
  EXPECT_NE(ebb.err.find("--repo"), std::string::npos) << ebb.err;
  EXPECT_NE(ebb.err.find("EBB_REPO"), std::string::npos) << ebb.err;
}

TEST(WhichRepository, ThatIsNotThereIsNamed) {
  InProcess ebb;
  const std::string image = ebb.image("disk.img");
  const std::vector<Words> all = {{"points"},
                                  {"scrub"},
                                  {"verify"},
                                  {"backup", image},
                                  {"restore", "disk@latest", ebb.folder / "target.img"},
                                  {"key", "list"},
                                  {"diff", "export", "a", "b", "-o", ebb.folder / "file"}};
  for (const Words& arguments : all) {
    EXPECT_EQ(ebb.run(arguments), ExitCode::failed) << joined(arguments);
    EXPECT_NE(ebb.err.find(ebb.repository), std::string::npos) << joined(arguments) << ebb.err;
  }
}

}  // namespace
}  // namespace ebb::test
