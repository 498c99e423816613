// SPDX-License-Identifier: Apache-2.0
// command.h - the commands of ebb-agent, the user agent's daemon.
#pragma once

#include "tools/common/program.h"

namespace ebb {

std::unique_ptr<Command> make_agent_enroll(CLI::App& app);
std::unique_ptr<Command> make_agent_serve(CLI::App& app);

// The whole program. Parses `arguments` (without the program's name) and runs the command.
ExitCode run_agent(const std::vector<std::string>& arguments, Outside& outside);

}  // namespace ebb
