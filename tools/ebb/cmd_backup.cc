// SPDX-License-Identifier: Apache-2.0
// cmd_backup.cc - ebb backup: a recovery point of a device in a repository.
#include <algorithm>
#include <ostream>

#include "devmap/occupation.h"
#include "devmap/probe.h"
#include "engine/flow/local_runs.h"
#include "tools/common/setting_kind.h"
#include "tools/common/size_text.h"
#include "tools/common/source_memory.h"
#include "tools/ebb/backup_report.h"
#include "tools/ebb/backup_snapshots.h"
#include "tools/ebb/backup_volume.h"
#include "tools/ebb/choose_source.h"
#include "tools/ebb/command.h"
#include "tools/ebb/free_blocks.h"
#include "tools/ebb/source_device.h"

namespace ebb {

namespace {

// --compress as the run goes.
constexpr const char* adapting = "auto";

// What the option parser wants of a check: the reason against a value, or nothing.
template <class T>
std::string why_not(const Result<T>& result) {
  return result ? "" : result.error().text();
}

class BackupCommand final : public Command {
 public:
  explicit BackupCommand(CLI::App& app) {
    app.add_option("DEVICE", devices_,
                   "Block device, image file or NBD URI; several with --snapshot lvm")
        ->required();
    app.add_option("--volume", volume_,
                   "Name of the volume (default: from the device's identity); of one device only");
    app.add_option("--block-size", block_size_,
                   "4K to 1M, a power of two (default: as before, or 64K)")
        ->type_name(size_type)
        ->check([](const std::string& text) { return why_not(parse_block_size(text)); });
    app.add_option(
           "--compress", compress_,
           "none, lz4[:LEVEL], zstd[:LEVEL], or auto: lz4, and more while the repository is what "
           "is waited for")
        ->check([](const std::string& text) {
          return text == adapting ? "" : why_not(Compression::parse(text));
        })
        ->capture_default_str();
    app.add_option("--source", wish_.name,
                   "Who says what changed: auto, scan (read everything), tracker, ranges, "
                   "dm-era, dm-snapshot, dm-thin, nbd")
        ->capture_default_str();
    app.add_option("--changed", wish_.ranges,
                   "A list of what changed since the last point, from elsewhere")
        ->type_name("FILE");
    app.add_option("--audit", audit_percent_,
                   "Percent of the blocks called unchanged that are read again (at least 64 and at "
                   "most 4096 blocks)")
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    app.add_flag(
        "--leave-out-free,!--no-leave-out-free", leaves_out_free_,
        "Leave out what file systems (ext2 to ext4, XFS) call free, where nobody uses them "
        "or with --snapshot lvm; it will be zero after a restore");
    snapshot_.declare(app);
    app.add_option("--bitmap", bitmaps_.bitmap,
                   "QEMU's dirty bitmap of an NBD export: what changed since the last point");
    app.add_option(
        "--next-bitmap", bitmaps_.next,
        "The bitmap that QEMU began at the instant that the export shows, for the next run");
    app.add_option("--threads", common_.threads, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    common_.declare_repo(app);
    common_.declare_source_key(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb backup /dev/vg0/root --snapshot lvm --repo /srv/backup/web1\n"
        "  ebb backup /dev/vg0/data /dev/vg0/logs --snapshot lvm   # at one instant\n"
        "  ebb backup 'nbd+unix:///vm1?socket=/run/vm1.sock' --bitmap b1 --next-bitmap b2\n"
        "  ebb backup disk.img --repo /srv/backup/web1 --volume web1 --compress zstd:3\n\n"
        "The first backup of a volume is full, later ones store what changed. No passphrase "
        "is needed.\nOn a device that `ebb track start` watches, and from LVM snapshots, later "
        "ones also read only\nwhat changed. A snapshot is kept for that until the next backup, "
        "and has the LVM tag `ebb`.");
  }

  Result<ExitCode> run(Outside& outside) override {
    const bool snapshots = TRY(wants_snapshots(snapshot_, devices_));
    std::vector<BackupVolume> volumes =
        TRY(volumes_to_back_up(devices_, volume_, bitmaps_.bitmap, snapshots));
    const std::string path = TRY(repo_path(common_, outside));
    ShowProgress show(outside, common_.quiet);
    if (!snapshots) warn_if_changing(show);
    const auto host = TRY(EngineHost::make(common_.threads, outside));
    RepositoryAccess* repository = TRY(host->open_repository(path, StoreAccess::write, show));
    const std::string key_path = source_key_path(common_, outside, repository->config().id);
    const SourceKey key = TRY(read_source_key(key_path));
    const std::string memory_path = key_path + ".state";
    const SourceMemory memory = read_source_memory(memory_path);
    const Members members = TRY(members_for(*repository, key, memory));
    Run run{outside, show, *host, *repository, key, members, memory, memory_path, nullptr, {}};
    for (BackupVolume& volume : volumes) {
      volume.id = volume_id_of(key.id_key, volume.name);
      TRY(repository->will_write(volume.id, volume.name));
    }
    if (snapshots) TRY(take_snapshots(volumes, run));

    ExitCode code = ExitCode::done;
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      const BackupReport report =
          TRY(during(back_up(volumes[i], i, run), "backing up {}", volumes[i].device));
      run.reports.push_back(json_of(report, show.notes()));
      if (!common_.json) outside.out << text_of(report) << std::flush;
      if (!report.unreadable.empty()) code = ExitCode::incomplete;
    }
    if (common_.json) {
      print_json(outside, run.reports.size() == 1 ? run.reports[0]
                                                  : nlohmann::json{{"points", run.reports}});
    }
    return code;
  }

 private:
  // What the volumes of one command share.
  struct Run {
    Outside& outside;
    ShowProgress& show;
    EngineHost& host;
    RepositoryAccess& repository;
    const SourceKey& key;
    const Members& members;
    const SourceMemory& memory;
    const std::string& memory_path;
    std::unique_ptr<BackupSnapshots> snapshots;
    std::vector<nlohmann::json> reports;
  };

  // What the snapshot holds is of its instant; who the volume is, says the volume.
  Result<void> take_snapshots(std::vector<BackupVolume>& volumes, Run& run) const {
    std::vector<BackupSnapshots::Wish> wishes;
    for (const BackupVolume& volume : volumes) {
      wishes.push_back(
          {volume.device, run.repository.config().id.hex().substr(0, 16) + "-" + volume.id.hex()});
    }
    for (BackupVolume& volume : volumes)
      volume.was_written = TRY(is_written_as_mounted(volume.device));
    run.show.step("taking snapshots");
    run.snapshots = TRY(BackupSnapshots::take(wishes, snapshot_, run.outside));
    for (std::size_t i = 0; i < volumes.size(); ++i) {
      const Passport snapshot = TRY(probe(run.snapshots->node(i)));
      Passport& own = volumes[i].passport;
      own.shape = snapshot.shape;
      own.content_type = snapshot.content_type;
      own.content_uuid = snapshot.content_uuid;
      own.content_label = snapshot.content_label;
      own.content_version = snapshot.content_version;
      own.table = snapshot.table;
      own.last_used = snapshot.last_used;
    }
    return {};
  }

  Result<ChosenSource> choose_source_of(const BackupVolume& volume, std::size_t i,
                                        const Run& run) const {
    SourceWish wish = wish_;
    if (const auto liar = run.memory.distrusted.find(volume.id);
        liar != run.memory.distrusted.end()) {
      wish.distrusted = liar->second;
    }
    if (volume.nbd) {
      return during(choose_nbd_source(volume.nbd, bitmaps_, wish), "--source {}", wish.name);
    }
    return during(
        run.snapshots ? run.snapshots->choose_source(i, wish) : choose_source(volume.device, wish),
        "--source {}", wish.name);
  }

  static Result<std::unique_ptr<SourceDevice>> open_source(const BackupVolume& volume,
                                                           std::size_t i, const Run& run) {
    if (volume.nbd) return SourceDevice::over(volume.nbd, run.host.ring());
    return SourceDevice::open(run.snapshots ? run.snapshots->node(i) : volume.device,
                              volume.passport, run.host.ring());
  }

  // Null where nothing can be left out, which is noted.
  std::unique_ptr<FreeBlocks> free_blocks_of(const BackupVolume& volume, std::size_t i,
                                             Run& run) const {
    if (!leaves_out_free_) return nullptr;
    using Kind = FreeBlocks::Kind;
    const Kind of_snapshot = volume.was_written ? Kind::frozen_snapshot : Kind::snapshot;
    auto held = volume.nbd ? fail(Error::invalid("an NBD export tells its own holes"))
                : run.snapshots
                    ? FreeBlocks::hold(run.snapshots->node(i), volume.passport, of_snapshot)
                    : FreeBlocks::hold(volume.device, volume.passport, Kind::device);
    if (held) return std::move(*held);
    run.show.note("nothing is left out: " + held.error().text());
    return nullptr;
  }

  Result<BackupReport> back_up(const BackupVolume& volume, std::size_t i, Run& run) const {
    BackupRequest request;
    if (!block_size_.empty()) request.block_size = TRY(parse_block_size(block_size_));
    request.adapts_compression = compress_ == adapting;
    if (!request.adapts_compression) request.compression = TRY(Compression::parse(compress_));
    request.passport = volume.passport;
    request.volume_name = volume.name;
    if (const auto last = run.memory.volumes.find(volume.id); last != run.memory.volumes.end()) {
      request.remembered = last->second;
    }
    const ChosenSource chosen = TRY(choose_source_of(volume, i, run));
    if (!chosen.why.empty()) run.show.note("everything is read: " + chosen.why);
    request.changes = chosen.source.get();
    request.insists_on_source = chosen.is_wanted;
    request.audit.share = audit_percent_ / 100;
    const std::unique_ptr<FreeBlocks> free = free_blocks_of(volume, i, run);
    if (free) {
      request.free_blocks = [&](const BlockGrid& grid) -> Result<DirtyMap> {
        return free->find(grid);
      };
    }
    request.before_commit = [&](const SignedPoint& point) -> Result<void> {
      if (free) TRY(free->check());
      if (run.snapshots) TRY(run.snapshots->before_commit(i));
      promise(volume, point, run);
      return {};
    };
    const auto source = TRY(open_source(volume, i, run));
    request.holes = source->holes();
    auto report = run_backup({run.host.ring(), run.host.workers(), run.show,
                              run.snapshots ? run.snapshots->stop() : run.outside.stop},
                             run.repository, source->device(), run.key, run.members,
                             run.outside.clock, run.outside.random, std::move(request));
    run.show.end_line();
    // A snapshot that was lost says more than what that led to.
    if (!report && run.snapshots) TRY(run.snapshots->check());
    if (report && free) report->left_out_said = free->said();
    if (report) remember(volume, *report, chosen, run);
    return report;
  }

  // So that a point which is published, and whose maker is killed right after, is known to be its
  // own.
  static void promise(const BackupVolume& volume, const SignedPoint& point, Run& run) {
    const auto kept = change_source_memory(
        run.memory_path, [&](SourceMemory& now) { now.volumes[volume.id].promised = point.id; });
    if (!kept) run.show.note(kept.error().text());
  }

  static void remember(const BackupVolume& volume, const BackupReport& report,
                       const ChosenSource& chosen, Run& run) {
    const auto kept = change_source_memory(run.memory_path, [&](SourceMemory& now) {
      now.members_epoch = std::max(now.members_epoch, run.members.epoch);
      now.volumes[volume.id] = {report.point.point.sequence, report.point.id, {}};
      if (report.source_lied) {
        now.distrusted[volume.id] = chosen.source->kind();
      } else if (chosen.is_wanted) {
        now.distrusted.erase(volume.id);
      }
    });
    if (!kept) run.show.note(kept.error().text());
  }

  static Result<BlockSize> parse_block_size(const std::string& text) {
    return BlockSize::of(TRY(parse_size(text)));
  }
  Result<Members> members_for(RepositoryAccess& repository, const SourceKey& key,
                              const SourceMemory& memory) {
    if (key.repository != repository.config().id) {
      return fail(Error::mismatch("the source key belongs to repository {}, this one is {}",
                                  key.repository.hex(), repository.config().id.hex()));
    }
    Members members = TRY(repository.keys().members(key.authority, &key.id_key));
    if (members.epoch < memory.members_epoch) {
      return fail(
          Error::denied("the repository's members record is number {}, but this host has "
                        "seen number {}: somebody put an older one back. Nothing is sent",
                        members.epoch, memory.members_epoch));
    }
    const MemberSource* self = members.find(verify_key_of(key.signing_seed));
    if (self == nullptr || !self->active) {
      return fail(
          Error::denied("this host's source key was removed from the repository; make a "
                        "new one with `ebb key add --source FILE`"));
    }
    return members;
  }

  // A mounted device can be backed up, but what it holds may be in the middle of a change.
  void warn_if_changing(ShowProgress& show) {
    const auto occupation = probe_occupation(devices_[0]);
    if (occupation && !occupation->mounts.empty()) {
      show.note(
          fmt::format("{} is mounted ({}): the point is as if the power had failed during "
                      "the backup; a snapshot has one instant (--snapshot lvm, for LVM volumes)",
                      devices_[0], occupation->mounts.front()));
    }
  }

  CommonOptions common_;
  std::vector<std::string> devices_;
  std::string volume_;
  std::string block_size_;
  std::string compress_ = "lz4";
  SourceWish wish_;
  SnapshotOptions snapshot_;
  NbdBitmapSource::Names bitmaps_;
  double audit_percent_ = 1;
  bool leaves_out_free_ = false;
};

}  // namespace

std::unique_ptr<Command> make_backup(CLI::App& app) {
  return std::make_unique<BackupCommand>(
      *app.add_subcommand("backup", "Back up a device: first in full, then what changed"));
}

}  // namespace ebb
