// SPDX-License-Identifier: Apache-2.0
// enroll_command.h - PROGRAM enroll: makes this host known to a manager, with a token. Once.
#pragma once

#include "tools/common/program.h"

namespace ebb {

// `program` stands in the examples; a storage agent also says by which names it is dialled.
std::unique_ptr<Command> make_enroll(CLI::App& app, const char* program, bool is_storage);

}  // namespace ebb
