// SPDX-License-Identifier: Apache-2.0
// backup_snapshots.h - `ebb backup --snapshot lvm`: snapshots of the devices that are backed up,
// looked after while they are read, kept as the next run's base or removed.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "devmap/lvm/fill_watch.h"
#include "devmap/lvm/snapshot_set.h"
#include "tools/common/outside.h"
#include "tools/ebb/choose_source.h"

namespace ebb {

struct SnapshotOptions {
  std::string kind = "none";
  std::string size = "10%";
  unsigned hold_seconds = 10;

  void declare(CLI::App& app);
};

// Whether there are to be snapshots of these devices: with "auto", when each is a volume that LVM
// can take one of.
Result<bool> wants_snapshots(const SnapshotOptions& options,
                             const std::vector<std::string>& devices);

class BackupSnapshots {
 public:
  struct Wish {
    std::string device;
    std::string owner;  // Whose snapshots these are: a volume of a repository.
  };
  // Of all of them at one instant.
  static Result<std::unique_ptr<BackupSnapshots>> take(const std::vector<Wish>& wishes,
                                                       const SnapshotOptions& options,
                                                       Outside& outside);

  // What is to be read instead of the device.
  const std::string& node(std::size_t i) const { return set_->member(i).snapshot.node; }
  // Who says what changed on it. Invalid for a source that says it of the device itself.
  Result<ChosenSource> choose_source(std::size_t i, const SourceWish& wish);
  // Before the point is published: the snapshot is as it was taken, and may be a base.
  Result<void> before_commit(std::size_t i);
  const StopFlag& stop() const { return watch_->stop(); }
  // Why the run was told to stop, if that was because of a snapshot.
  Result<void> check() { return watch_->check(); }

 private:
  explicit BackupSnapshots(std::unique_ptr<SnapshotSet> set) : set_(std::move(set)) {}
  std::unique_ptr<SnapshotSet> set_;
  std::unique_ptr<FillWatch> watch_;  // Ends before the snapshots go.
};

}  // namespace ebb
