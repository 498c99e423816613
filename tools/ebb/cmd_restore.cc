// SPDX-License-Identifier: Apache-2.0
// cmd_restore.cc - ebb restore: a point onto a device, after a plan that only reads.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <filesystem>
#include <ostream>

#include "devmap/probe.h"
#include "engine/flow/local_source.h"
#include "engine/flow/restore.h"
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
    app.add_option("--threads", common_.threads, "Workers (default: one a processor)")
        ->check(CLI::Range(0, 256));
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
    const auto host = TRY(EngineHost::make(common_.threads, outside.random));
    Repository* repository = TRY(host->open_repository(path, StoreAccess::read));
    const ReadingKeys keys = TRY(reading_keys(common_, outside, *repository, NeedsKeyring::yes));
    const KnownPoint known = TRY(find_point(*repository, keys, point_));
    if (known.signer_left) {
      show.note(fmt::format("the point is signed by \"{}\", which was removed from the repository",
                            known.signer));
    }
    const Point& point = known.point.point;

    const RestoreTarget target = TRY(probe_target(known, path));
    RestorePlan plan = plan_restore(point, known.about, target, wishes_);
    LocalSource source(*repository);
    const auto opener = TRY(RecordOpener::make(source, keys.id_key, data_keys_of(*repository, keys),
                                               host->workers().count()));
    if (!plan.refused()) TRY(prove_records(*host, source, *opener, point, show, outside, plan));
    show.end_line();
    print_plan(outside, known, plan);
    if (plan.refused()) return ExitCode::refused;
    if (check_) return ExitCode::done;
    if (!yes_ && !target.is_new) {
      outside.err << "ebb: nothing was written; add --yes to overwrite " << target_ << std::endl;
      return ExitCode::refused;
    }
    return carry_out(*host, source, *opener, keys, known, target, plan, show, outside);
  }

 private:
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
    target.holds_repository = TRY(lies_on(repository, target_));
    return target;
  }

  Result<void> prove_records(EngineHost& host, LocalSource& source, RecordOpener& opener,
                             const Point& point, ShowProgress& show, Outside& outside,
                             RestorePlan& plan) {
    const auto arena = TRY(host.arena(verify_memory()));
    VerifyReport report =
        TRY(verify_records({source, host.ring(), host.workers(), *arena, show, outside.stop}, point,
                           RecordCheck::sound, &opener, all_blocks()));
    add_damages(plan, std::move(report.damages), wishes_);
    return {};
  }

  void print_plan(Outside& outside, const KnownPoint& known, const RestorePlan& plan) {
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

  Result<ExitCode> carry_out(EngineHost& host, LocalSource& source, RecordOpener& opener,
                             const ReadingKeys& keys, const KnownPoint& known,
                             const RestoreTarget& target, const RestorePlan& plan,
                             ShowProgress& show, Outside& outside) {
    if (target.is_new) TRY(make_image(known.point.point.grid.size()));
    const double began = outside.clock.steady_seconds();
    const auto device =
        TRY(during(open_device(target_, Access::write, target.passport.shape, host.ring()),
                   "opening the target"));
    if (!target.is_new) TRY(still_the_same(target_, target.passport));
    const auto journal = journal_file(journal_path(target.passport));
    const auto arena = TRY(host.arena(Restore::memory()));
    RestoreRequest request;
    request.point = known.point.point;
    request.id = known.point.id;
    request.about = known.about;
    request.target_is_empty = target.is_new;
    request.in_place = wishes_.in_place;
    request.moves_gpt = plan.moves_gpt;
    request.salvage = wishes_.salvage;
    request.target_identity = sha256(bytes_of(target_identity(target_, target.passport)));
    Restore restore({source, *device, opener, *journal, host.ring(), host.workers(), *arena,
                     keys.id_key, show, outside.stop},
                    std::move(request));
    RestoreReport report = TRY(during(restore.run(), "restoring to {}", target_));
    show.end_line();
    reread_partitions();
    const double seconds = outside.clock.steady_seconds() - began;
    print_report(outside, known, report, seconds);
    return report.damages.empty() ? ExitCode::done : ExitCode::incomplete;
  }

  Result<void> make_image(ByteCount size) {
    constexpr mode_t owner_only = 0600;
    const UniqueFd fd(::open(target_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, owner_only));
    if (!fd.is_open() || ::ftruncate(fd.get(), static_cast<off_t>(size.value())) != 0) {
      return fail(Error::from_errno(errno).during("making {}", target_));
    }
    return {};
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
