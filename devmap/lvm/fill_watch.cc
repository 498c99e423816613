// SPDX-License-Identifier: Apache-2.0
#include "devmap/lvm/fill_watch.h"

#include <algorithm>
#include <chrono>

#include "devmap/source/thick_snapshot.h"
#include "devmap/source/thin_delta.h"
#include "devmap/text_file.h"

namespace ebb {

namespace {

constexpr std::chrono::milliseconds pause(200);
constexpr unsigned extend_at = 50;  // Percent; LVM takes a while, and writers do not wait for it.
constexpr unsigned give_up_at = 95;

// "56/24576"
std::optional<Fill> fill_in(const std::string& word) {
  const std::size_t slash = word.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto used = number_in(word.substr(0, slash));
  const auto total = number_in(word.substr(slash + 1));
  if (!used || !total || *total == 0 || *used > *total) return std::nullopt;
  return Fill{*used, *total};
}

Result<Fill> word_of(const MapperDevice& status, const MapperTarget& target, std::size_t index) {
  const auto fill = index < target.words.size() ? fill_in(target.words[index]) : std::nullopt;
  if (fill) return *fill;
  return fail(Error::lost("{} says \"{}\": it overflowed or failed", status.name,
                          target.words.empty() ? "" : target.words[0]));
}

}  // namespace

Result<Fill> Fill::of_snapshot(const MapperDevice& status) {
  return word_of(status, TRY(status.only("snapshot")), 0);
}

Result<Fill> Fill::of_pool(const MapperDevice& status) {
  const MapperTarget target = TRY(status.only("thin-pool"));
  // "2 113/1024 181/1024 - rw ...": transaction, metadata, data.
  const Fill metadata = TRY(word_of(status, target, 1));
  const Fill data = TRY(word_of(status, target, 2));
  return metadata.used * data.total > data.used * metadata.total ? metadata : data;
}

FillWatch::FillWatch(const std::vector<LogicalVolume>& snapshots, Lvm& lvm, DeviceMapper& mapper,
                     const StopFlag& outer)
    : lvm_(lvm), mapper_(mapper), outer_(outer) {
  for (const LogicalVolume& snapshot : snapshots) watched_.push_back({snapshot});
  thread_ = std::thread([this] { live(); });
}

FillWatch::~FillWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ending_.notify_all();
  thread_.join();
}

void FillWatch::live() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    if (const auto well = look_at_all(); !well || outer_.raised()) stop_.raise();
    ending_.wait_for(lock, pause);
  }
}

Result<void> FillWatch::check() {
  const std::lock_guard lock(mutex_);
  return look_at_all();
}

Result<void> FillWatch::look_at_all() {
  for (Watched& watched : watched_) {
    if (trouble_) break;
    if (const auto well = look(watched); !well) trouble_ = well.error();
  }
  if (trouble_) return fail(*trouble_);
  return {};
}

Result<void> FillWatch::look(Watched& watched) {
  const LogicalVolume& snapshot = watched.snapshot;
  const dev_t number = TRY(number_of_device(snapshot.node));
  const MapperDevice table = TRY(mapper_.table(number));
  if (snapshot.is_thin()) {
    const Fill fill = TRY(Fill::of_pool(TRY(mapper_.status(TRY(ThinDevice::of(table)).pool))));
    if (!fill.reaches(give_up_at)) return {};
    return fail(Error{ErrorKind::full,
                      fmt::format("the pool {}/{} is nearly full, so the snapshot is given up",
                                  snapshot.group, snapshot.pool)});
  }
  const MapperDevice status = TRY(mapper_.status(number));
  const Fill fill = TRY(Fill::of_snapshot(status));
  if (TRY(ThickSnapshotPlace::of(table, status)).most_sectors() <= fill.total) return {};
  if (fill.reaches(extend_at)) extend(watched, fill);
  if (!fill.reaches(give_up_at)) return {};
  return fail(Error{ErrorKind::full,
                    fmt::format("the snapshot {} is nearly full and {} has no room to extend it, "
                                "so it is given up before it overflows; --snapshot-size gives it "
                                "more from the start",
                                snapshot.full_name(), snapshot.group)});
}

// Once it could not be, it is not tried again: other things will have to make room first.
void FillWatch::extend(Watched& watched, const Fill& fill) {
  if (!watched.may_extend) return;
  constexpr std::uint64_t sector = 512;
  const ByteCount more = std::max(watched.snapshot.extent, ByteCount(fill.total * sector));
  watched.may_extend =
      lvm_.extend(watched.snapshot.full_name(), more).has_value() ||
      lvm_.extend(watched.snapshot.full_name(), watched.snapshot.extent).has_value();
}

}  // namespace ebb
