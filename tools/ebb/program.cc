// SPDX-License-Identifier: Apache-2.0
// program.cc - the program ebb: a table of commands.
#include "devmap/core/version.h"
#include "tools/common/enroll_command.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

constexpr ConfigKey keys[] = {{"repo", "EBB_REPO"},
                              {"passphrase-file", "EBB_PASSPHRASE_FILE"},
                              {"source-key", "EBB_SOURCE_KEY"},
                              {"block-size"},
                              {"compress"},
                              {"leave-out-free"},
                              {"snapshot"},
                              {"snapshot-size"},
                              {"snapshot-hold"},
                              {"threads"}};

constexpr ProgramText text{
    "ebb",
    "ebb backs up whole block devices, reads only what changed, and puts them back.",
    version_text,
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but data is missing, 4 refused "
    "by a check,\n5 damage found, 6 busy, 130 interrupted. Each command has examples in "
    "its --help.",
    "ebb.toml",
    keys};

constexpr CommandMaker makers[] = {make_init,    make_backup,    make_points, make_inspect,
                                   make_restore, make_verify,    make_diff,   make_scrub,
                                   make_prune,   make_collect,   make_key,    make_bench,
                                   make_track,   make_ebb_enroll};

}  // namespace

std::unique_ptr<Command> make_ebb_enroll(CLI::App& app) {
  return make_enroll(app, "ebb", false);
}

ExitCode run_ebb(const std::vector<std::string>& arguments, Outside& outside) {
  return run_program(text, makers, arguments, outside);
}

}  // namespace ebb
