// SPDX-License-Identifier: Apache-2.0
// cmd_collect.cc - ebb collect: gives back the room of what no recovery point needs.
#include <ostream>

#include "engine/flow/chore.h"
#include "tools/common/size_text.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

nlohmann::json json_of(const CollectReport& report) {
  nlohmann::json obstacles = nlohmann::json::array();
  for (const Obstacle& o : report.obstacles) {
    obstacles.push_back({{"file", o.file}, {"what", o.what}});
  }
  return {{"points", report.points},
          {"packs", report.packs},
          {"packs_unneeded", report.packs_unneeded},
          {"packs_sparse", report.packs_sparse},
          {"packs_removed", report.packs_removed},
          {"packs_rewritten", report.packs_rewritten},
          {"packs_pardoned", report.packs_pardoned},
          {"packs_left", report.packs_left},
          {"envelopes_removed", report.envelopes_removed},
          {"bytes_freed", report.freed.value()},
          {"bytes_written", report.written.value()},
          {"bytes_dead_kept", report.dead_kept.value()},
          {"waits_for", report.waits_for},
          {"obstacles", obstacles}};
}

class CollectCommand final : public Command {
 public:
  explicit CollectCommand(CLI::App& app) {
    app.add_option("--rewrite-from", request_.rewrite_from,
                   "Rewrite packs of which so many percent are not needed")
        ->option_text("PERCENT")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    app.add_flag("--dry-run", request_.only_look, "Say what would be done, and do nothing");
    common_.declare_repo(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb collect --repo /srv/backup/web1\n"
        "  ebb collect --repo /srv/backup/web1 --dry-run --json\n\n"
        "Needs no key. Killed at any time it leaves the repository sound, and the next one goes "
        "on. Packs that\nsomebody may be reading are left to the next one. While a point or page "
        "cannot be read, nothing\nthat it might need is removed: `ebb scrub --repair` first.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(common_.threads, outside));
    RepositoryAccess* access = TRY(host->open_repository(
        path, request_.only_look ? StoreAccess::read : StoreAccess::write, show));
    const double began = outside.clock.steady_seconds();
    const auto report = std::get<CollectReport>(
        TRY(during(access->do_chore(request_, {host->workers(), show, outside.stop, outside.clock}),
                   "in {}", path)));
    show.end_line();
    const double seconds = outside.clock.steady_seconds() - began;
    if (common_.json) {
      nlohmann::json json = json_of(report);
      json["dry_run"] = request_.only_look;
      json["seconds"] = seconds;
      print_json(outside, json);
    } else {
      print(outside, report, seconds);
    }
    return report.obstacles.empty() ? ExitCode::done : ExitCode::damaged;
  }

 private:
  void print(Outside& outside, const CollectReport& report, double seconds) const {
    for (const Obstacle& o : report.obstacles) {
      outside.out << fmt::format("in the way: {}: {}\n", o.file, o.what);
    }
    if (!report.obstacles.empty()) {
      outside.out << "what these may need was left alone; `ebb scrub --repair` may mend them\n";
    }
    if (request_.only_look) {
      outside.out << fmt::format(
          "{} points need records of {} packs; {} packs that none needs would be removed, "
          "{} rewritten\n",
          report.points, report.packs - report.packs_unneeded, report.packs_unneeded,
          report.packs_sparse);
    } else {
      outside.out << fmt::format(
          "looked at {} packs for {} points; removed {} and {} envelopes, rewrote {}: freed {}, "
          "wrote {}, {}\n",
          report.packs, report.points, report.packs_removed, report.envelopes_removed,
          report.packs_rewritten, size_text(report.freed), size_text(report.written),
          duration_text(seconds));
    }
    if (!report.waits_for.empty()) {
      outside.out << fmt::format("{} packs are left to the next run: {}\n", report.packs_left,
                                 report.waits_for);
    }
    outside.out << std::flush;
  }

  CommonOptions common_;
  CollectRequest request_;
};

}  // namespace

std::unique_ptr<Command> make_collect(CLI::App& app) {
  return std::make_unique<CollectCommand>(
      *app.add_subcommand("collect", "Give back the room of what no recovery point needs"));
}

}  // namespace ebb
