// SPDX-License-Identifier: Apache-2.0
// ebb-storage and its file /etc/ebb/storage.toml.
#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "tests/support/started_program.h"
#include "tests/tools/common/example_config.h"
#include "tools/storage/command.h"

namespace ebb::test {
namespace {

using testing::HasSubstr;

TEST(StorageConfiguration, EveryOptionOfServeIsAKey) {
  expect_options_are_keys(run_storage, "serve");
}

TEST(StorageConfiguration, TheExampleIsTrue) {
  expect_example_is_true(run_storage, "storage.toml");
}

TEST(StorageConfiguration, RepositoriesAreTables) {
  AnyProgram storage(run_storage);
  storage.configure("storage.toml",
                    "[[repository]]\nname = \"main\"\nfolder = \"/a\"\n"
                    "[[repository]]\nname = \"web\"\nfolder = \"/b=c\"\n");
  EXPECT_EQ(storage.settings()["repository"]["value"],
            nlohmann::json::array(
                {{{"name", "main"}, {"folder", "/a"}}, {{"name", "web"}, {"folder", "/b=c"}}}));
}

TEST(StorageConfiguration, WithoutARepositoryServeSaysHowToGiveOne) {
  AnyProgram storage(run_storage);
  EXPECT_EQ(storage.run({"serve", "--socket", storage.folder / "socket"}), ExitCode::usage);
  EXPECT_THAT(storage.err, HasSubstr("--repository NAME=FOLDER, or [[repository]]"));
}

// The real program: what a unit without options does.
TEST(StorageConfiguration, ServeNeedsNothingButTheFile) {
  AnyProgram storage(run_storage);
  const std::string socket = storage.folder / "socket";
  storage.configure("storage.toml",
                    fmt::format("socket = \"{}\"\nruns = 3\n\n[[repository]]\nname = \"main\"\n"
                                "folder = \"{}\"\n",
                                socket, storage.folder / "main"));
  const auto server = StartedProgram::start({EBB_STORAGE_PROGRAM, "serve"},
                                            {{"EBB_CONFIG_DIR", storage.folder.path()}});
  for (int i = 0; i < 6000 && server->runs() && server->output().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_THAT(server->output(), HasSubstr("listening socket=" + socket)) << server->errors();
  EXPECT_THAT(server->output(), HasSubstr("repositories=1 runs=3"));
  server->signal(SIGTERM);
  EXPECT_EQ(server->exit_code(), 0) << server->errors();
}

}  // namespace
}  // namespace ebb::test
