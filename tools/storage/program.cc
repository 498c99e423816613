// SPDX-License-Identifier: Apache-2.0
// program.cc - the program ebb-storage: a table of commands.
#include "devmap/core/version.h"
#include "tools/common/enroll_command.h"
#include "tools/storage/command.h"

namespace ebb {

namespace {

constexpr ConfigKey keys[] = {{"repository"},
                              {"socket"},
                              {"listen"},
                              {"address"},
                              {"state", "EBB_STATE"},
                              {"poll"},
                              {"runs"},
                              {"connections"},
                              {"threads"},
                              {"retention-every"},
                              {"scrub-every"},
                              {"housekeeping-window"},
                              {"leave-free"},
                              {"leave-free-percent"}};

constexpr ProgramText text{
    "ebb-storage",
    "ebb-storage keeps repositories for hosts that back up to it; it can read none of them.",
    version_text,
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 6 busy, 130 interrupted. Each command has "
    "examples "
    "in its --help.",
    "storage.toml",
    keys};

constexpr CommandMaker makers[] = {make_storage_enroll, make_storage_serve};

}  // namespace

std::unique_ptr<Command> make_storage_enroll(CLI::App& app) {
  return make_enroll(app, "ebb-storage", true);
}

ExitCode run_storage(const std::vector<std::string>& arguments, Outside& outside) {
  return run_program(text, makers, arguments, outside);
}

}  // namespace ebb
