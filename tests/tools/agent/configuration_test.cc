// SPDX-License-Identifier: Apache-2.0
// ebb-agent and its file /etc/ebb/agent.toml.
#include <gmock/gmock.h>

#include "tests/tools/common/example_config.h"
#include "tools/agent/command.h"

namespace ebb::test {
namespace {

using testing::HasSubstr;

TEST(AgentConfiguration, EveryOptionOfServeIsAKey) {
  expect_options_are_keys(run_agent, "serve");
}

TEST(AgentConfiguration, TheExampleIsTrue) {
  expect_example_is_true(run_agent, "agent.toml");
}

// Nobody is enrolled in any of these folders, and the refusal names the one it looked in.
TEST(AgentConfiguration, TheStateFolderIsNamedByCommandLineEnvironmentOrFile) {
  AnyProgram agent(run_agent);
  agent.configure("agent.toml", fmt::format("state = \"{}\"\nprogram = \"/bin/true\"\n",
                                            agent.folder / "by-file"));
  EXPECT_EQ(agent.run({"serve"}), ExitCode::failed);
  EXPECT_THAT(agent.err, HasSubstr("by-file"));
  agent.environment["EBB_STATE"] = agent.folder / "by-environment";
  EXPECT_EQ(agent.run({"serve"}), ExitCode::failed);
  EXPECT_THAT(agent.err, HasSubstr("by-environment"));
  EXPECT_EQ(agent.run({"serve", "--state", agent.folder / "by-option"}), ExitCode::failed);
  EXPECT_THAT(agent.err, HasSubstr("by-option"));
}

TEST(AgentConfiguration, HooksAreRefusedByTheFileOrTheOption) {
  AnyProgram agent(run_agent);
  EXPECT_EQ(agent.settings()["hooks"]["value"], true);
  EXPECT_EQ(agent.settings({"--no-hooks"})["hooks"]["value"], false);
  agent.configure("agent.toml", "hooks = false\n");
  EXPECT_EQ(agent.settings()["hooks"]["value"], false);
  EXPECT_EQ(agent.settings({"--hooks"})["hooks"]["value"], true);
}

}  // namespace
}  // namespace ebb::test
