// SPDX-License-Identifier: Apache-2.0
// cmd_diff.cc - ebb diff: a difference between two points as a file, and onto a device or into a
// repository again.
#include <filesystem>
#include <ostream>

#include "devmap/probe.h"
#include "engine/flow/difference_check.h"
#include "engine/flow/difference_import.h"
#include "engine/flow/difference_writer.h"
#include "engine/flow/local_sink.h"
#include "engine/flow/restore.h"
#include "tools/common/size_text.h"
#include "tools/ebb/find_point.h"
#include "tools/ebb/target.h"

namespace ebb {

namespace {

std::pair<std::string, std::string> folder_and_name(const std::string& path) {
  const std::filesystem::path whole = absolute_path(path);
  return {whole.parent_path().string(), whole.filename().string()};
}

class DiffExport {
 public:
  explicit DiffExport(CLI::App& parent)
      : app(parent.add_subcommand("export", "Write what turns point A into point B to a file")) {
    app->add_option("A", a_, "The earlier point")->required();
    app->add_option("B", b_, "The later point")->required();
    app->add_option("-o,--output", output_, "The file to write")->required();
    common_.declare_repo(*app);
    common_.declare_source_key(*app);
    common_.declare_passphrase(*app);
    common_.declare_output(*app);
    app->footer("Example:\n  ebb diff export 3fa91c root@latest -o root.ebbdiff");
  }
  CLI::App* app;

  Result<ExitCode> run(Outside& outside) {
    std::error_code error;
    if (std::filesystem::exists(output_, error)) return fail(Error::invalid("{} exists", output_));
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    const auto host = TRY(EngineHost::make(common_.threads, outside));
    RepositoryAccess* repository = TRY(host->open_repository(path, StoreAccess::read, show));
    const ReadingKeys keys = TRY(reading_keys(common_, outside, *repository, NeedsKeyring::no));
    const KnownPoint a = TRY(find_point(*repository, keys, a_));
    const KnownPoint b = TRY(find_point(*repository, keys, b_));
    const auto [folder, name] = folder_and_name(output_);
    const auto out = TRY(open_folder(folder, host->ring()));
    const auto arena = TRY(host->arena(difference_memory()));
    const DifferenceReport report = TRY(during(
        export_difference({*repository, host->ring(), host->workers(), *arena, show, outside.stop},
                          a.point, b.point, *out, name),
        "exporting to {}", output_));
    show.end_line();
    if (common_.json) {
      print_json(outside, {{"a", a.point.id.hex()},
                           {"b", b.point.id.hex()},
                           {"file", output_},
                           {"blocks", report.blocks.value()},
                           {"bytes", report.bytes.value()}});
    } else {
      outside.out << fmt::format("{} holds {} blocks, {}\n", output_, report.blocks.value(),
                                 size_text(report.bytes))
                  << std::flush;
    }
    return ExitCode::done;
  }

 private:
  CommonOptions common_;
  std::string a_;
  std::string b_;
  std::string output_;
};

class DiffApply {
 public:
  explicit DiffApply(CLI::App& parent)
      : app(parent.add_subcommand("apply", "Apply a difference file to a device or repository")) {
    app->add_option("FILE", file_, "The difference file")->required();
    app->add_option("TARGET", target_,
                    "A device or image that holds point A, or the folder of a repository that has "
                    "it")
        ->required();
    app->add_flag("--yes", yes_, "Overwrite the target");
    app->add_flag("--onto-source", wishes_.onto_source, "The target may be the source itself");
    app->add_flag("--ignore-sector-size", wishes_.ignore_sector_size,
                  "The logical sector size may differ (never with a partition table)");
    app->add_option("--threads", common_.threads, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    common_.declare_source_key(*app);
    common_.declare_passphrase(*app);
    common_.declare_output(*app);
    app->footer(
        "Examples:\n  ebb diff apply root.ebbdiff /dev/sdb --yes\n"
        "  ebb diff apply root.ebbdiff /srv/backup/copy");
  }
  CLI::App* app;

  Result<ExitCode> run(Outside& outside) {
    host_ = TRY(EngineHost::make(common_.threads, outside));
    const auto [folder, name] = folder_and_name(file_);
    const auto files = TRY(open_folder(folder, host_->ring()));
    const auto file = TRY(during(files->open(name), "opening {}", file_));
    const auto difference =
        TRY(during(DifferenceFile::open(*file, host_->ring()), "reading {}", file_));
    std::error_code error;
    if (std::filesystem::is_directory(target_, error)) return into_repository(*difference, outside);
    return onto_device(*difference, outside);
  }

 private:
  Result<ExitCode> into_repository(DifferenceFile& difference, Outside& outside) {
    ShowProgress show(outside, common_.quiet);
    RepositoryAccess* access = TRY(host_->open_repository(target_, StoreAccess::write, show));
    Repository* repository = TRY(access->local());
    if (repository->config().id != difference.repository()) {
      return fail(Error::mismatch("the file comes from repository {}, this one is {}",
                                  difference.repository().hex(), repository->config().id.hex()));
    }
    // The keyring, because what comes in a file is opened and compared before it is kept.
    const ReadingKeys keys = TRY(reading_keys(common_, outside, *access, NeedsKeyring::yes));
    TRY(check_signed(difference.a(), keys.members));
    TRY(check_signed(difference.b(), keys.members));
    const auto arena = TRY(host_->arena(verify_memory() + PackMemory::total()));
    const auto folder = difference.as_folder();
    ObjectStore objects(*folder, host_->ring(), outside.random);
    KeyStore envelopes(objects, difference.repository());
    const auto opener = TRY(RecordOpener::make(
        difference, keys.id_key,
        [&](const DataKeyId& id) { return envelopes.data_key(id, keys.keyring->keyring); },
        host_->workers().count()));
    const DirtyMap wanted = TRY(differing_blocks(difference));
    TRY(during(
        prove_blocks(difference,
                     {difference, host_->ring(), host_->workers(), *arena, show, outside.stop},
                     *opener, wanted),
        "{}", file_));
    show.end_line();
    PackMemory memory(*arena);
    LocalSink sink(*repository, host_->workers(), memory);
    const ImportReport report =
        TRY(during(import_difference(difference, *repository, sink, wanted, outside.stop),
                   "importing {}", file_));
    if (common_.json) {
      print_json(outside, {{"point", difference.b().id.hex()},
                           {"was_there", report.was_there},
                           {"blocks", report.blocks.value()},
                           {"bytes_stored", report.stored.value()}});
    } else {
      outside.out << fmt::format("point {} {}; added {} blocks, {}\n",
                                 difference.b().id.hex().substr(0, 12),
                                 report.was_there ? "was there already" : "is in the repository",
                                 report.blocks.value(), size_text(report.stored))
                  << std::flush;
    }
    return ExitCode::done;
  }

  static Result<void> check_signed(const SignedPoint& point, const Members& members) {
    if (members.find(point.point.source) == nullptr || !signature_is_right(point)) {
      return fail(
          Error::denied("the point in the file is not signed by a member of the repository"));
    }
    return {};
  }

  Result<ExitCode> onto_device(DifferenceFile& difference, Outside& outside) {
    ShowProgress show(outside, common_.quiet);
    // The file carries the repository's keys, wrapped; the passphrase opens them.
    const auto folder = difference.as_folder();
    ObjectStore objects(*folder, host_->ring(), outside.random);
    KeyStore keys(objects, difference.repository());
    const SecretBuffer secret = TRY(passphrase(common_, outside));
    const UnlockedKeyring keyring = TRY(keys.unlock(secret.reveal()));
    const Members members =
        TRY(keys.members(verify_key_of(keyring.keyring.authority), &keyring.keyring.id_key));
    TRY(check_signed(difference.b(), members));
    const Point& b = difference.b().point;
    const PointAbout about = TRY(open_about(b, keyring.keyring.id_key));

    RestoreTarget target;
    target.passport = TRY(during(probe(target_), "looking at the target"));
    target.occupation = TRY(during(probe_occupation(target_), "looking at the target"));
    wishes_.in_place = true;
    const RestorePlan plan = plan_restore(b, about, target, wishes_);
    for (const Finding& f : plan.findings) {
      if (!common_.json) outside.out << fmt::format("  {:<8} {}\n", name_of(f.severity), f.text);
    }
    if (plan.refused()) {
      outside.err << "ebb: refused, nothing was written" << std::endl;
      return ExitCode::refused;
    }
    const auto arena = TRY(host_->arena(Restore::memory() + Compare::memory() + verify_memory()));
    const auto device =
        TRY(during(open_device(target_, Access::write, target.passport.shape, host_->ring()),
                   "opening the target"));
    TRY(still_the_same(target_, target.passport));
    if (target.passport.shape.size < b.grid.size()) {
      return fail(Error::mismatch("the target has {} bytes, point B has {}",
                                  target.passport.shape.size.value(), b.grid.size().value()));
    }
    const auto opener = TRY(RecordOpener::make(
        difference, keyring.keyring.id_key,
        [&](const DataKeyId& id) { return keys.data_key(id, keyring.keyring); },
        host_->workers().count()));
    const VerifyWorld world{difference, host_->ring(), host_->workers(),
                            *arena,     show,          outside.stop};
    auto to_change = [&]() -> Result<DirtyMap> {
      DirtyMap still_a =
          TRY(blocks_still_as_in_a(difference, world, *device, keyring.keyring.id_key));
      TRY(prove_blocks(difference, world, *opener, still_a));
      return still_a;
    }();
    show.end_line();
    if (!to_change) {
      outside.err << "ebb: refused, nothing was written: " << to_change.error().text() << std::endl;
      return ExitCode::refused;
    }
    if (!yes_) {
      outside.err << "ebb: nothing was written; add --yes to change " << target_ << std::endl;
      return ExitCode::refused;
    }
    const auto journal = journal_file(restore_journal_path(target.passport));
    RestoreRequest request;
    request.point = b;
    request.id = difference.b().id;
    request.about = about;
    request.in_place = std::move(*to_change);
    request.only_changes = true;
    request.moves_gpt = plan.moves_gpt;
    request.target_identity = sha256(bytes_of(target_identity(target_, target.passport)));
    Restore restore({difference, *device, *opener, *journal, host_->ring(), host_->workers(),
                     *arena, keyring.keyring.id_key, show, outside.stop},
                    std::move(request));
    const RestoreReport report = TRY(during(restore.run(), "applying to {}", target_));
    show.end_line();
    if (common_.json) {
      print_json(outside, {{"point", difference.b().id.hex()},
                           {"target", target_},
                           {"bytes_written", report.written.value()},
                           {"bytes_zeroed", report.zeroed.value()}});
    } else {
      outside.out << fmt::format("{} holds point {} now: wrote {}, zeroed {}\n", target_,
                                 difference.b().id.hex().substr(0, 12), size_text(report.written),
                                 size_text(report.zeroed))
                  << std::flush;
    }
    return ExitCode::done;
  }

  CommonOptions common_;
  RestoreWishes wishes_;
  std::unique_ptr<EngineHost> host_;
  std::string file_;
  std::string target_;
  bool yes_ = false;
};

class Diff final : public Command {
 public:
  explicit Diff(CLI::App& app) : export_(app), apply_(app) {
    app.require_subcommand(1);
    app.footer(
        "Examples:\n  ebb diff export 3fa91c root@latest -o root.ebbdiff\n"
        "  ebb diff apply root.ebbdiff /dev/sdb --yes\n"
        "  ebb diff apply root.ebbdiff /srv/backup/copy");
  }
  Result<ExitCode> run(Outside& outside) override {
    return export_.app->parsed() ? export_.run(outside) : apply_.run(outside);
  }

 private:
  DiffExport export_;
  DiffApply apply_;
};

}  // namespace

std::unique_ptr<Command> make_diff(CLI::App& app) {
  return std::make_unique<Diff>(
      *app.add_subcommand("diff", "Carry what changed between two points in a file"));
}

}  // namespace ebb
