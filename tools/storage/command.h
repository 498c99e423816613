// SPDX-License-Identifier: Apache-2.0
// command.h - the commands of ebb-storage, the storage agent.
#pragma once

#include "tools/common/program.h"

namespace ebb {

std::unique_ptr<Command> make_storage_enroll(CLI::App& app);
std::unique_ptr<Command> make_storage_serve(CLI::App& app);

// The whole program. Parses `arguments` (without the program's name) and runs the command.
ExitCode run_storage(const std::vector<std::string>& arguments, Outside& outside);

}  // namespace ebb
