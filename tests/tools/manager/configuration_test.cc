// SPDX-License-Identifier: Apache-2.0
// ebb-manager and its file /etc/ebb/manager.toml.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/tools/common/example_config.h"
#include "tools/manager/command.h"

namespace ebb::control::test {
namespace {

using ebb::test::AnyProgram;
using testing::HasSubstr;

TEST(ManagerConfiguration, EveryOptionOfServeIsAKey) {
  ebb::test::expect_options_are_keys(run_manager, "serve");
}

TEST(ManagerConfiguration, TheExampleIsTrue) {
  ebb::test::expect_example_is_true(run_manager, "manager.toml");
}

TEST(ManagerConfiguration, TheFolderOfTheFileIsEveryCommands) {
  AnyProgram manager(run_manager);
  manager.configure("manager.toml", fmt::format("dir = \"{}\"\n", manager.folder / "here"));
  ASSERT_EQ(manager.run({"init", "--address", "127.0.0.1"}), ExitCode::done) << manager.err;
  EXPECT_TRUE(std::filesystem::exists(manager.folder / "here"));
  EXPECT_EQ(manager.run({"token", "list"}), ExitCode::done) << manager.err;
  manager.environment["EBB_MANAGER_DIR"] = manager.folder / "elsewhere";
  EXPECT_EQ(manager.run({"token", "list"}), ExitCode::failed);
  EXPECT_THAT(manager.err, HasSubstr("elsewhere"));
}

TEST(ManagerConfiguration, WhereItListensIsSaidByTheFile) {
  AnyProgram manager(run_manager);
  manager.configure("manager.toml",
                    fmt::format("dir = \"{}\"\nlisten = \"nowhere:port\"\n", manager.folder / "m"));
  ASSERT_EQ(manager.run({"init", "--address", "127.0.0.1"}), ExitCode::done) << manager.err;
  EXPECT_EQ(manager.run({"serve"}), ExitCode::failed);
  EXPECT_THAT(manager.err, HasSubstr("nowhere:port"));
}

}  // namespace
}  // namespace ebb::control::test
