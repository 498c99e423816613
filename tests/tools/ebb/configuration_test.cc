// SPDX-License-Identifier: Apache-2.0
// ebb and its file /etc/ebb/ebb.toml.
#include <gmock/gmock.h>

#include "tests/tools/common/example_config.h"
#include "tests/tools/ebb/in_process.h"

namespace ebb::test {
namespace {

using testing::HasSubstr;

TEST(EbbConfiguration, TheExampleIsTrue) {
  expect_example_is_true(run_ebb, "ebb.toml");
}

TEST(EbbConfiguration, WhatIsAboutOneRunIsNoKey) {
  AnyProgram ebb(run_ebb);
  for (const char* option : {"yes", "salvage", "in-place", "onto-source", "ignore-sector-size",
                             "volume", "keep-last", "dry-run", "repair"}) {
    ebb.configure("ebb.toml", fmt::format("{} = true\n", option));
    EXPECT_EQ(ebb.run({"points"}), ExitCode::usage) << option;
    EXPECT_THAT(ebb.err, HasSubstr(fmt::format("there is no key \"{}\"", option)));
  }
}

TEST(EbbConfiguration, ABackupNeedsNothingButTheFile) {
  InProcess ebb;
  ASSERT_EQ(ebb.run({"init", ebb.repository}), ExitCode::done) << ebb.err;
  const std::string image = ebb.image("disk.img");
  const std::string source_key = ebb.environment["EBB_SOURCE_KEY"];
  ebb.environment.erase("EBB_REPO");
  ebb.environment.erase("EBB_SOURCE_KEY");
  ebb.environment["EBB_CONFIG_DIR"] = ebb.folder.path();
  write_text(ebb.folder / "ebb.toml",
             fmt::format("repo = \"{}\"\nsource-key = \"{}\"\nblock-size = \"4K\"\nthreads = 1\n"
                         "compress = \"zstd:3\"\n",
                         ebb.repository, source_key));
  EXPECT_EQ(ebb.json_of({"backup", image})["block_size"], 4096) << ebb.err;
  EXPECT_EQ(ebb.json_of({"backup", image, "--block-size", "8K"})["block_size"], 8192) << ebb.err;
  // A variable of the environment is a shell's choice, and comes before the host's.
  ebb.environment["EBB_REPO"] = ebb.folder / "another";
  EXPECT_EQ(ebb.run({"points"}), ExitCode::failed);
  EXPECT_THAT(ebb.err, HasSubstr("another"));
}

TEST(EbbConfiguration, AWrongValueIsRefusedWithWhatWouldBeRight) {
  AnyProgram ebb(run_ebb);
  const std::string path = ebb.configure("ebb.toml", "block-size = \"3K\"\ncompress = \"lz5\"\n");
  EXPECT_EQ(ebb.run({"points"}), ExitCode::usage);
  EXPECT_THAT(ebb.err, HasSubstr(path + ":1:14: block-size: "));
  EXPECT_THAT(ebb.err, HasSubstr(path + ":2:12: compress: "));
}

}  // namespace
}  // namespace ebb::test
