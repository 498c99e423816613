// SPDX-License-Identifier: Apache-2.0
// program.cc - the program ebb: a table of commands, and the one place where the option parser's
// exceptions end.
#include <exception>
#include <ostream>

#include "tools/ebb/command.h"

namespace ebb {

namespace {

constexpr const char* version = "ebb 0.1.0";

using Maker = std::unique_ptr<Command> (*)(CLI::App&);
constexpr Maker makers[] = {make_init,    make_backup,  make_points, make_inspect,
                            make_restore, make_verify,  make_diff,   make_scrub,
                            make_prune,   make_collect, make_key,    make_bench};

// Libraries that throw (no memory, a path that cannot be looked at) end here, in words.
Result<ExitCode> run_guarded(Command& command, Outside& outside) {
  try {
    return command.run(outside);
  } catch (const std::exception& error) {
    return fail(Error::lost("{}", error.what()));
  }
}

}  // namespace

ExitCode run_ebb(const std::vector<std::string>& arguments, Outside& outside) {
  CLI::App app("ebb backs up whole block devices, reads only what changed, and puts them back.",
               "ebb");
  app.require_subcommand(1);
  app.set_version_flag("--version", version);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but data is missing, 4 refused "
      "by a check,\n5 damage found, 6 busy, 130 interrupted. Each command has examples in "
      "its --help.");
  std::vector<std::pair<CLI::App*, std::unique_ptr<Command>>> commands;
  for (const Maker make : makers) {
    auto command = make(app);
    commands.emplace_back(app.get_subcommands({}).back(), std::move(command));
  }
  try {
    // CLI11 wants them last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    const bool is_help = app.exit(error, outside.out, outside.err) == 0;
    return is_help ? ExitCode::done : ExitCode::usage;
  }
  for (const auto& [declared, command] : commands) {
    if (!declared->parsed()) continue;
    const auto ended = run_guarded(*command, outside);
    if (ended) return *ended;
    const bool interrupted = outside.stop.raised();
    outside.err << "ebb: " << ended.error().text() << std::endl;
    return interrupted ? ExitCode::interrupted : exit_code_of(ended.error());
  }
  return ExitCode::usage;
}

}  // namespace ebb
