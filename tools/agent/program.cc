// SPDX-License-Identifier: Apache-2.0
// program.cc - the program ebb-agent: a table of commands.
#include "devmap/core/version.h"
#include "tools/agent/command.h"
#include "tools/common/enroll_command.h"

namespace ebb {

namespace {

constexpr ConfigKey keys[] = {{"state", "EBB_STATE"}, {"poll"}, {"program"}, {"runs"}, {"hooks"}};

constexpr ProgramText text{
    "ebb-agent",
    "ebb-agent backs up this host's volumes when its manager's policies say so.",
    version_text,
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 6 busy. Each command has examples in its "
    "--help.",
    "agent.toml",
    keys};

constexpr CommandMaker makers[] = {make_agent_enroll, make_agent_serve};

}  // namespace

std::unique_ptr<Command> make_agent_enroll(CLI::App& app) {
  return make_enroll(app, "ebb-agent", false);
}

ExitCode run_agent(const std::vector<std::string>& arguments, Outside& outside) {
  return run_program(text, makers, arguments, outside);
}

}  // namespace ebb
