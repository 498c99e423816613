// SPDX-License-Identifier: Apache-2.0
// cmd_backup.cc - ebb backup: a recovery point of a device in a repository.
#include <algorithm>
#include <ostream>

#include "devmap/occupation.h"
#include "devmap/probe.h"
#include "engine/flow/local_runs.h"
#include "tools/common/setting_kind.h"
#include "tools/common/size_text.h"
#include "tools/common/source_device.h"
#include "tools/common/source_memory.h"
#include "tools/common/volume_name.h"
#include "tools/ebb/choose_source.h"
#include "tools/ebb/command.h"

namespace ebb {

namespace {

nlohmann::json json_of(const BackupReport& report, const std::vector<std::string>& notes) {
  nlohmann::json unreadable = nlohmann::json::array();
  for (const ByteRun& run : report.unreadable) {
    unreadable.push_back({{"begin", run.begin.value()}, {"end", run.end.value()}});
  }
  return {{"point", report.point.id.hex()},
          {"volume", report.volume_name},
          {"sequence", report.point.point.sequence},
          {"source", name_of(report.point.point.found_by)},
          {"block_size", report.point.point.grid.block().bytes().value()},
          {"device_size", report.point.point.grid.size().value()},
          {"blocks_total", report.blocks_total.value()},
          {"blocks_zero", report.counts.zero.value()},
          {"blocks_changed", report.counts.changed.value()},
          {"blocks_shipped", report.counts.shipped.value()},
          {"bytes_read", report.counts.read.value()},
          {"bytes_stored", report.counts.stored.value()},
          {"source_said", report.source_said},
          {"blocks_called_clean", report.audit.clean},
          {"blocks_audited", report.audit.sampled},
          {"blocks_reread", report.audit.in_slice},
          {"audit_bound", report.audit.bound()},
          {"source_lied", report.source_lied},
          {"unreadable", unreadable},
          {"notes", notes},
          {"seconds", report.seconds}};
}

// What the option parser wants of a check: the reason against a value, or nothing.
template <class T>
std::string why_not(const Result<T>& result) {
  return result ? "" : result.error().text();
}

class BackupCommand final : public Command {
 public:
  explicit BackupCommand(CLI::App& app) {
    app.add_option("DEVICE", device_, "Block device or image file")->required();
    app.add_option("--volume", volume_, "Name of the volume (default: from the device's identity)");
    app.add_option("--block-size", block_size_,
                   "4K to 1M, a power of two (default: as before, or 64K)")
        ->type_name(size_type)
        ->check([](const std::string& text) { return why_not(parse_block_size(text)); });
    app.add_option("--compress", compress_, "none, lz4[:LEVEL], or zstd[:LEVEL]")
        ->check([](const std::string& text) { return why_not(Compression::parse(text)); })
        ->capture_default_str();
    app.add_option("--source", wish_.name,
                   "Who says what changed: auto, scan (read everything), tracker, ranges")
        ->capture_default_str();
    app.add_option("--changed", wish_.ranges,
                   "A list of what changed since the last point, from elsewhere")
        ->type_name("FILE");
    app.add_option("--audit", audit_percent_,
                   "Percent of the blocks called unchanged that are read again (at least 64 and at "
                   "most 4096 blocks)")
        ->check(CLI::Range(0.0, 100.0))
        ->capture_default_str();
    app.add_option("--threads", common_.threads, "Workers (0: one a processor)")
        ->check(CLI::Range(0, 256))
        ->capture_default_str();
    common_.declare_repo(app);
    common_.declare_source_key(app);
    common_.declare_output(app);
    app.footer(
        "Examples:\n  ebb backup /dev/vg0/root --repo /srv/backup/web1\n"
        "  ebb backup disk.img --repo /srv/backup/web1 --volume web1 --compress zstd:3\n\n"
        "The first backup of a volume is full, later ones store what changed. No passphrase "
        "is needed.\nOn a device that `ebb track start` watches, later ones also read only what "
        "was "
        "written to.");
  }

  Result<ExitCode> run(Outside& outside) override {
    BackupRequest request;
    if (!block_size_.empty()) {
      request.block_size = TRY(parse_block_size(block_size_));
    }
    request.compression = TRY(Compression::parse(compress_));
    const std::string path = TRY(repo_path(common_, outside));
    request.passport = TRY(probe(device_));
    request.volume_name = volume_.empty() ? volume_name_for(request.passport) : volume_;
    if (request.volume_name.size() > limits::max_name_bytes ||
        request.volume_name.find('@') != std::string::npos) {
      return fail(Error::invalid("\"{}\" is no name for a volume: at most {} bytes, no @",
                                 request.volume_name, limits::max_name_bytes));
    }

    ShowProgress show(outside, common_.quiet);
    warn_if_changing(show);
    const auto host = TRY(EngineHost::make(common_.threads, outside));
    RepositoryAccess* repository = TRY(host->open_repository(path, StoreAccess::write, show));
    const std::string key_path = source_key_path(common_, outside, repository->config().id);
    const SourceKey key = TRY(read_source_key(key_path));
    const std::string memory_path = key_path + ".state";
    const SourceMemory memory = read_source_memory(memory_path);
    const Members members = TRY(members_for(*repository, key, memory));
    const VolumeId volume = volume_id_of(key.id_key, request.volume_name);
    if (const auto last = memory.volumes.find(volume); last != memory.volumes.end()) {
      request.remembered = last->second;
    }

    if (const auto liar = memory.distrusted.find(volume); liar != memory.distrusted.end()) {
      wish_.distrusted = liar->second;
    }
    const ChosenSource chosen =
        TRY(during(choose_source(device_, wish_), "--source {}", wish_.name));
    if (!chosen.why.empty()) show.note("everything is read: " + chosen.why);
    request.changes = chosen.source.get();
    request.insists_on_source = chosen.is_wanted;
    request.audit.share = audit_percent_ / 100;
    TRY(repository->will_write(volume, request.volume_name));
    const auto source = TRY(SourceDevice::open(device_, request.passport, host->ring()));
    request.holes = source->holes();
    const BackupReport report =
        TRY(during(run_backup({host->ring(), host->workers(), show, outside.stop}, *repository,
                              source->device(), key, members, outside.clock, outside.random,
                              std::move(request)),
                   "backing up {}", device_));
    show.end_line();

    auto kept = change_source_memory(memory_path, [&](SourceMemory& now) {
      now.members_epoch = std::max(now.members_epoch, members.epoch);
      now.volumes[volume] = {report.point.point.sequence, report.point.id};
      if (report.source_lied) {
        now.distrusted[volume] = chosen.source->kind();
      } else if (chosen.is_wanted) {
        now.distrusted.erase(volume);
      }
    });
    if (!kept) show.note(kept.error().text());
    print(outside, report, show.notes());
    return report.unreadable.empty() ? ExitCode::done : ExitCode::incomplete;
  }

 private:
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
    const auto occupation = probe_occupation(device_);
    if (occupation && !occupation->mounts.empty()) {
      show.note(
          fmt::format("{} is mounted ({}): the point is as if the power had failed during "
                      "the backup; back up a snapshot to have one instant",
                      device_, occupation->mounts.front()));
    }
  }

  void print(Outside& outside, const BackupReport& report, const std::vector<std::string>& notes) {
    if (common_.json) return print_json(outside, json_of(report, notes));
    const ByteCount size = report.point.point.grid.size();
    outside.out << fmt::format(
        "point {} of volume {} (number {}): {} of {} blocks changed, {} shipped; read {}, stored "
        "{}, in {} ({})\n",
        report.point.id.hex().substr(0, 12), report.volume_name, report.point.point.sequence,
        report.counts.changed.value(), report.blocks_total.value(), report.counts.shipped.value(),
        size_text(report.counts.read), size_text(report.counts.stored),
        duration_text(report.seconds), rate_text(size, report.seconds));
    if (!report.source_said.empty()) {
      const SourceKind by = report.point.point.found_by;
      outside.out << fmt::format("source {}: {}", name_of(by), report.source_said);
      if (by != SourceKind::scan) outside.out << "; " << report.audit.text();
      outside.out << '\n';
    }
    for (const ByteRun& run : report.unreadable) {
      outside.out << fmt::format("unreadable: {} bytes at {}\n", run.length().value(),
                                 run.begin.value());
    }
    outside.out << std::flush;
  }

  CommonOptions common_;
  std::string device_;
  std::string volume_;
  std::string block_size_;
  std::string compress_ = "lz4";
  SourceWish wish_;
  double audit_percent_ = 1;
};

}  // namespace

std::unique_ptr<Command> make_backup(CLI::App& app) {
  return std::make_unique<BackupCommand>(
      *app.add_subcommand("backup", "Back up a device: first in full, then what changed"));
}

}  // namespace ebb
