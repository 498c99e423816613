// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/backup_snapshots.h"

#include <charconv>

#include "devmap/source/lvm_snapshot_source.h"
#include "tools/common/setting_kind.h"
#include "tools/common/size_text.h"

namespace ebb {

namespace {

// Less than this fills up before anybody can extend it.
constexpr ByteCount least_room = 16_MiB;

// "10%" of the volume, or a size.
Result<ByteCount> room_for(const std::string& text, ByteCount volume) {
  if (!text.ends_with('%')) return parse_size(text);
  double percent = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto parsed = std::from_chars(text.data(), end, percent);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(percent > 0) || percent > 100) {
    return fail(Error::invalid("\"{}\" is neither a size nor a percentage up to 100", text));
  }
  return ByteCount(static_cast<std::uint64_t>(static_cast<double>(volume.value()) * percent / 100));
}

}  // namespace

void SnapshotOptions::declare(CLI::App& app) {
  app.add_option("--snapshot", kind,
                 "none; lvm: back up LVM snapshots, of all the devices at one instant; auto: lvm "
                 "where they are logical volumes")
      ->check(CLI::IsMember({"none", "lvm", "auto"}))
      ->capture_default_str();
  app.add_option("--snapshot-size", size,
                 "Room for changes of a thick snapshot: a size, or percent of the volume")
      ->check([](const std::string& text) {
        const auto room = room_for(text, 1_GiB);
        return room ? std::string() : room.error().text();
      })
      ->capture_default_str();
  app.add_option("--snapshot-hold", hold_seconds,
                 "Seconds that several volumes may be held still for their snapshots")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
}

Result<bool> wants_snapshots(const SnapshotOptions& options,
                             const std::vector<std::string>& devices) {
  if (options.kind != "auto") return options.kind == "lvm";
  for (const std::string& device : devices) {
    const auto volume = TRY(logical_volume_at(device, system_lvm()));
    if (!volume || !SnapshotSet::why_not(*volume).empty()) return false;
  }
  return true;
}

Result<std::unique_ptr<BackupSnapshots>> BackupSnapshots::take(const std::vector<Wish>& wishes,
                                                               const SnapshotOptions& options,
                                                               Outside& outside) {
  std::vector<SnapshotSet::Wish> members;
  for (const Wish& wish : wishes) {
    auto origin = TRY(during(logical_volume_at(wish.device, system_lvm()),
                             "looking for the logical volume {}", wish.device));
    if (!origin) {
      return fail(
          Error::invalid("{} is no logical volume, so --snapshot lvm cannot take a "
                         "snapshot of it",
                         wish.device));
    }
    const ByteCount room = std::max(least_room, TRY(room_for(options.size, origin->size)));
    members.push_back({std::move(*origin), wish.owner, room});
  }
  const std::chrono::seconds hold(options.hold_seconds);
  std::unique_ptr<BackupSnapshots> taken(
      new BackupSnapshots(TRY(SnapshotSet::take(members, hold, system_lvm(), outside.random))));
  std::vector<LogicalVolume> snapshots;
  for (std::size_t i = 0; i < taken->set_->size(); ++i) {
    snapshots.push_back(taken->set_->member(i).snapshot);
  }
  taken->watch_ =
      std::make_unique<FillWatch>(snapshots, system_lvm(), kernel_device_mapper(), outside.stop);
  return taken;
}

Result<ChosenSource> BackupSnapshots::choose_source(std::size_t i, const SourceWish& wish) {
  auto source = std::make_unique<LvmSnapshotSource>(
      LvmSnapshotSource::World{*set_, system_lvm(), kernel_device_mapper(),
                               metadata_notes_folder()},
      i);
  const std::string_view own = name_of(source->kind());
  if (wish.name == "scan") return ChosenSource{nullptr, false, ""};
  if (wish.name == own) return ChosenSource{std::move(source), true, ""};
  if (wish.name != "auto" || !wish.ranges.empty()) {
    return fail(
        Error::invalid("of an LVM snapshot of this kind the sources are auto, scan and {}", own));
  }
  if (wish.distrusted != source->kind()) return ChosenSource{std::move(source), false, ""};
  return ChosenSource{nullptr, false,
                      fmt::format("{} missed a change of this volume before; `--source {}` trusts "
                                  "it again, once its sample agrees",
                                  own, own)};
}

Result<void> BackupSnapshots::before_commit(std::size_t i) {
  TRY(check());
  return set_->make_base(i);
}

}  // namespace ebb
