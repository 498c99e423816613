// SPDX-License-Identifier: Apache-2.0
// cmd_restore.cc - ebb restore: a point onto a device, after a plan that only reads.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <filesystem>
#include <ostream>

#include "devmap/probe.h"
#include "engine/flow/local_runs.h"
#include "tools/common/size_text.h"
#include "tools/ebb/find_point.h"
#include "tools/ebb/print_damage.h"
#include "tools/ebb/target.h"

namespace ebb {

namespace {

class RestoreCommand final : public Command {
 public:
  explicit RestoreCommand(CLI::App& app) {
    app.add_option("POINT", point_, "Id of a point, the start of one, or VOLUME@latest")
        ->required();
    app.add_option("TARGET", target_, "Block device or image file; a new file is made")->required();
    app.add_flag("--check", check_, "Only plan: print the verdict, write nothing");
    app.add_flag("--yes", yes_, "Overwrite the target");
    app.add_flag("--in-place", wishes_.in_place, "Read the target, write only what differs");
    app.add_flag("--salvage", wishes_.salvage, "Write what is sound, list what is lost");
    app.add_flag("--onto-source", wishes_.onto_source, "The target may be the source itself");
    app.add_flag("--ignore-sector-size", wishes_.ignore_sector_size,
                 "The logical sector size may differ (never with a partition table)");
    app.add_option("--expect-serial", wishes_.expect_serial, "Refuse unless the target has it");
    app.add_option("--expect-wwn", wishes_.expect_wwn, "Refuse unless the target has it");
    app.add_option("--journal", journal_, "File that remembers how far a restore is");
    app.add_option("--threads", common_.threads, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    common_.declare_repo(app);
    common_.declare_passphrase(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb restore root@latest /dev/sdb --check\n"
        "  ebb restore 3fa91c /dev/sdb --yes --expect-serial WD-1234\n"
        "  ebb restore root@latest disk.img --yes\n\n"
        "A restore that was stopped goes on where it was when it is run again.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(common_.threads, outside));
    RepositoryAccess* repository = TRY(host->open_repository(path, StoreAccess::read, show));
    const ReadingKeys keys = TRY(reading_keys(common_, outside, *repository, NeedsKeyring::yes));
    const KnownPoint known = TRY(find_point(*repository, keys, point_));
    if (known.signer_left) {
      show.note(fmt::format("the point is signed by \"{}\", which was removed from the repository",
                            known.signer));
    }
    ExtentSource& source = repository->source();
    const auto opener = TRY(RecordOpener::make(source, keys.id_key, data_keys_of(*repository, keys),
                                               host->workers().count()));
    Run of{*host, source, *opener, keys, known, show, outside, {}, {}, {}, {}};
    of.target = TRY(probe_target(known, path));
    of.plan = plan_restore(known.point.point, known.about, of.target, wishes_);
    if (!of.plan.refused()) TRY(prove_records(of));
    show.end_line();
    print_plan(of);
    if (of.plan.refused()) return ExitCode::refused;
    if (check_) return ExitCode::done;
    if (!may_write(of.target)) {
      outside.err << "ebb: nothing was written; add --yes to overwrite " << target_ << std::endl;
      return ExitCode::refused;
    }
    return carry_out(of);
  }

 private:
  // One restore: what it works with, and below what was found out so far.
  struct Run {
    EngineHost& host;
    ExtentSource& source;
    RecordOpener& opener;
    const ReadingKeys& keys;
    const KnownPoint& known;
    ShowProgress& show;
    Outside& outside;

    RestoreTarget target;
    RestorePlan plan;
    std::unique_ptr<BlockDevice> device;  // The target, once it is open.
    std::optional<DirtyMap> in_place;     // In place: what of it is to be written.
  };

  bool may_write(const RestoreTarget& target) const { return !check_ && (yes_ || target.is_new); }

  Result<RestoreTarget> probe_target(const KnownPoint& known, const std::string& repository) {
    RestoreTarget target;
    std::error_code error;
    if (!std::filesystem::exists(target_, error) && !target_.starts_with("/dev/")) {
      target.is_new = true;
      target.passport.path = target_;
      target.passport.kind = "image";
      target.passport.shape = {known.point.point.grid.size(),
                               known.about.passport.shape.logical_sector,
                               known.about.passport.shape.physical_sector};
      return target;
    }
    target.passport = TRY(during(probe(target_), "looking at the target"));
    target.occupation = TRY(during(probe_occupation(target_), "looking at the target"));
    // A storage agent's folder on this machine is on a disk that is mounted, which refuses too.
    target.holds_repository = !names_an_agent(repository) && TRY(lies_on(repository, target_));
    return target;
  }

  Result<void> open_target(Run& of) {
    if (of.device) return {};
    if (of.target.is_new) TRY(make_image(target_, of.known.point.point.grid.size()));
    of.device = TRY(during(open_device(target_, may_write(of.target) ? Access::write : Access::read,
                                       of.target.passport.shape, of.host.ring()),
                           "opening the target"));
    return of.target.is_new ? Result<void>() : still_the_same(target_, of.target.passport);
  }

  // Proves what the restore will read. In place that is what differs; it is found first, on a
  // target that stays open, so that nobody else takes it in between.
  Result<void> prove_records(Run& of) {
    const Point& point = of.known.point.point;
    const auto arena = TRY(of.host.arena(verify_memory() + Compare::memory()));
    const VerifyWorld world{of.source, of.host.ring(), of.host.workers(),
                            *arena,    of.show,        of.outside.stop};
    BlocksWanted wanted = all_blocks();
    if (wishes_.in_place && !of.target.is_new) {
      TRY(open_target(of));
      of.in_place = TRY(
          during(blocks_to_write_in_place(world, point, of.known.about, *of.device, of.keys.id_key),
                 "comparing the target with the point"));
      wanted = marked_blocks(*of.in_place);
    }
    VerifyReport report = TRY(verify_records(world, point, RecordCheck::sound, &of.opener, wanted));
    add_damages(of.plan, std::move(report.damages), wishes_);
    return {};
  }

  void print_plan(const Run& of) {
    const RestorePlan& plan = of.plan;
    const KnownPoint& known = of.known;
    Outside& outside = of.outside;
    if (common_.json) {
      if (!check_ && !plan.refused()) return;  // The last line says how it ended.
      nlohmann::json findings = nlohmann::json::array();
      for (const Finding& f : plan.findings) {
        findings.push_back({{"id", f.id},
                            {"severity", name_of(f.severity)},
                            {"text", f.text},
                            {"overridden_by", f.overridden_by}});
      }
      return print_json(outside, {{"point", known.point.id.hex()},
                                  {"target", target_},
                                  {"verdict", plan.refused() ? "refused" : "allowed"},
                                  {"findings", findings},
                                  {"damages", json_of(plan.damages, known)}});
    }
    outside.out << fmt::format("restoring point {} of {} ({}) to {}\n",
                               known.point.id.hex().substr(0, 12), known.about.volume_name,
                               size_text(known.point.point.grid.size()), target_);
    for (const Finding& f : plan.findings) {
      outside.out << fmt::format("  {:<8} {}{}\n", name_of(f.severity), f.text,
                                 f.severity == Severity::refuses && !f.overridden_by.empty()
                                     ? " (override: " + f.overridden_by + ")"
                                     : "");
    }
    outside.out << (plan.refused() ? "verdict: refused, nothing was written\n"
                                   : "verdict: it can be restored\n")
                << std::flush;
  }

  Result<ExitCode> carry_out(Run& of) {
    const double began = of.outside.clock.steady_seconds();
    TRY(open_target(of));
    const auto journal = journal_file(journal_path(of.target.passport));
    RestoreRequest request;
    request.point = of.known.point.point;
    request.id = of.known.point.id;
    request.about = of.known.about;
    request.target_is_empty = of.target.is_new;
    request.in_place = std::move(of.in_place);
    request.moves_gpt = of.plan.moves_gpt;
    request.salvage = wishes_.salvage;
    request.target_identity = sha256(bytes_of(target_identity(target_, of.target.passport)));
    RestoreReport report = TRY(
        during(run_restore({of.host.ring(), of.host.workers(), of.show, of.outside.stop}, of.source,
                           of.opener, *of.device, *journal, of.keys.id_key, std::move(request)),
               "restoring to {}", target_));
    of.show.end_line();
    reread_partitions();
    const double seconds = of.outside.clock.steady_seconds() - began;
    print_report(of.outside, of.known, report, seconds);
    return report.damages.empty() ? ExitCode::done : ExitCode::incomplete;
  }

  std::string journal_path(const Passport& target) const {
    return journal_.empty() ? restore_journal_path(target) : journal_;
  }

  // The kernel keeps the old table until it is told; it is no failure when it cannot.
  void reread_partitions() const {
    const UniqueFd fd(::open(target_.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.is_open()) ::ioctl(fd.get(), BLKRRPART);
  }

  void print_report(Outside& outside, const KnownPoint& known, const RestoreReport& report,
                    double seconds) {
    if (common_.json) {
      return print_json(outside, {{"point", known.point.id.hex()},
                                  {"target", target_},
                                  {"bytes_written", report.written.value()},
                                  {"bytes_zeroed", report.zeroed.value()},
                                  {"bytes_compared", report.compared.value()},
                                  {"resumed", report.resumed},
                                  {"damages", json_of(report.damages, known)},
                                  {"seconds", seconds}});
    }
    outside.out << fmt::format("restored and compared: wrote {}, zeroed {}, in {} ({})\n",
                               size_text(report.written), size_text(report.zeroed),
                               duration_text(seconds),
                               rate_text(known.point.point.grid.size(), seconds));
    print_damages(outside, report.damages, known);
    outside.out << std::flush;
  }

  CommonOptions common_;
  RestoreWishes wishes_;
  std::string point_;
  std::string target_;
  std::string journal_;
  bool check_ = false;
  bool yes_ = false;
};

}  // namespace

std::unique_ptr<Command> make_restore(CLI::App& app) {
  return std::make_unique<RestoreCommand>(
      *app.add_subcommand("restore", "Put a point onto a device, after checking that it fits"));
}

}  // namespace ebb
