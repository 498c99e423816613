// SPDX-License-Identifier: Apache-2.0
// cmd_scrub.cc - ebb scrub: finds rot in a repository, and mends it.
#include <ostream>

#include "engine/flow/chore.h"
#include "tools/common/size_text.h"
#include "tools/ebb/print_scrub.h"

namespace ebb {

namespace {

class ScrubCommand final : public Command {
 public:
  explicit ScrubCommand(CLI::App& app) {
    app.add_flag("--repair", repair_, "Mend what parity and second copies allow");
    common_.declare_repo(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb scrub --repo /srv/backup/web1\n"
        "  ebb scrub --repo /srv/backup/web1 --repair\n\nNeeds no key. What is beyond "
        "repair is listed; the next backup of that volume\nships it again where it still "
        "has it.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(1, outside));
    RepositoryAccess* repository =
        TRY(host->open_repository(path, repair_ ? StoreAccess::write : StoreAccess::read, show));
    const double began = outside.clock.steady_seconds();
    const ScrubChore chore{repair_ ? ScrubMode::repair : ScrubMode::look};
    const auto report = std::get<ScrubReport>(TRY(
        during(repository->do_chore(chore, {host->workers(), show, outside.stop, outside.clock}),
               "in {}", path)));
    show.end_line();
    const double seconds = outside.clock.steady_seconds() - began;
    const bool good = report.sound() || (repair_ && report.mended());
    if (common_.json) {
      nlohmann::json json = json_of(report);
      json["sound"] = good;
      json["seconds"] = seconds;
      print_json(outside, json);
    } else {
      print_scrub(outside, report);
      outside.out << (report.sound() ? "all sound, "
                      : good         ? "all mended, "
                      : repair_      ? "some DAMAGE could not be mended, "
                                     : "DAMAGED (--repair mends what can be mended), ")
                  << duration_text(seconds) << std::endl;
    }
    return good ? ExitCode::done : ExitCode::damaged;
  }

 private:
  CommonOptions common_;
  bool repair_ = false;
};

}  // namespace

std::unique_ptr<Command> make_scrub(CLI::App& app) {
  return std::make_unique<ScrubCommand>(
      *app.add_subcommand("scrub", "Find rot in a repository without any key, and mend it"));
}

}  // namespace ebb
