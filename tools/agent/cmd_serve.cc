// SPDX-License-Identifier: Apache-2.0
// cmd_serve.cc - ebb-agent serve: backs up what policies say, until it is told to end.
#include <unistd.h>

#include <filesystem>
#include <ostream>

#include "tools/agent/agent.h"
#include "tools/agent/command.h"
#include "tools/common/host_identity.h"
#include "tools/common/time_option.h"

namespace ebb {

namespace {

class Serve final : public Command {
 public:
  explicit Serve(CLI::App& app) {
    app.add_option("--state", settings_.state_folder,
                   "Folder of this host's identity (or EBB_STATE)")
        ->default_str(default_state_folder);
    add_time_option(app, "--poll", settings_.poll, "Between looks at the manager",
                    {std::chrono::seconds(1), std::chrono::hours(1)});
    app.add_option("--program", settings_.program, "The ebb to run (default: beside this program)");
    app.add_option("--runs", settings_.runs, "Backups at once; more of them wait")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    app.add_flag("--hooks,!--no-hooks", settings_.may_run_hooks,
                 "Run commands of policies; with --no-hooks, what has some is not backed up")
        ->default_str("true");
    app.footer(
        "Needs `ebb-agent enroll` before, and a source key for each repository (`ebb key add "
        "--source`).\nThe hooks of policies run as the user that this runs as. SIGTERM ends it, "
        "and its backups cleanly:\nwhat they sent is not sent again.\n\nExamples:\n"
        "  ebb-agent serve\n  ebb-agent serve --poll 30 --runs 1 --no-hooks");
  }

  Result<ExitCode> run(Outside& outside) override {
    if (settings_.state_folder.empty()) {
      settings_.state_folder = outside.environment("EBB_STATE").value_or(default_state_folder);
    }
    if (settings_.program.empty()) {
      std::error_code error;
      const auto own = std::filesystem::read_symlink("/proc/self/exe", error);
      settings_.program = own.parent_path() / "ebb";
    }
    if (::access(settings_.program.c_str(), X_OK) != 0) {
      return fail(Error::absent("there is no program {}; give --program", settings_.program));
    }
    const auto agent = TRY(Agent::make(settings_, outside));
    outside.out << fmt::format("serving state={} program={} poll={}s runs={}\n",
                               settings_.state_folder, settings_.program, settings_.poll.count(),
                               settings_.runs)
                << std::flush;
    agent->run();
    outside.out << "stopped" << std::endl;
    return ExitCode::done;
  }

 private:
  AgentSettings settings_;
};

}  // namespace

std::unique_ptr<Command> make_agent_serve(CLI::App& app) {
  return std::make_unique<Serve>(
      *app.add_subcommand("serve", "Back up what policies say until told to end"));
}

}  // namespace ebb
