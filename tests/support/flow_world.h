// SPDX-License-Identifier: Apache-2.0
// flow_world.h - a repository in a simulated folder, with the keys and everything else that a
// backup, a restore, a verify or a scrub needs, all in one process and from one seed.
//
// With no worker threads a whole story is deterministic. The passphrase costs next to nothing.
#pragma once

#include <map>
#include <memory>

#include "engine/flow/backup.h"
#include "engine/flow/collect.h"
#include "engine/flow/difference_import.h"
#include "engine/flow/difference_writer.h"
#include "engine/flow/prune.h"
#include "engine/flow/restore.h"
#include "engine/flow/rotate.h"
#include "engine/flow/scrub.h"
#include "tests/support/simulated_folder.h"
#include "tests/support/stamped_disk.h"

namespace ebb::test {

// A clock that moves by a second whenever it is asked.
class TestClock final : public Clock {
 public:
  WallTime wall() const override { return {1'790'000'000'000'000'000 + next() * 1'000'000'000}; }
  double steady_seconds() const override { return static_cast<double>(next()); }

 private:
  std::int64_t next() const { return ++seconds_; }
  mutable std::int64_t seconds_ = 0;
};

// Keeps what it was told.
class NotingObserver final : public Observer {
 public:
  void progress(const Progress&) override {}
  void note(std::string_view sentence) override { notes.append(sentence).append("\n"); }
  std::string notes;
};

// A journal in memory.
class MemoryJournal final : public JournalKeeper {
 public:
  Result<std::optional<RestoreJournal>> read() override { return kept; }
  Result<void> write(const RestoreJournal& journal) override {
    kept = journal;
    return {};
  }
  Result<void> remove() override {
    kept.reset();
    return {};
  }
  std::optional<RestoreJournal> kept;
};

class FlowWorld {
 public:
  struct BackupWishes {
    std::optional<BlockSize> block_size;
    Compression compression;
    bool adapts_compression = false;
    std::string volume = "disk";
    ChangeSource* changes = nullptr;
    bool insists_on_source = false;
    AuditPolicy audit = {};
    // What the source remembers to have made last; else the newest point that this world made.
    std::optional<RememberedPoint> remembered = {};
    std::function<Result<DirtyMap>(const BlockGrid&)> free_blocks = {};
  };
  struct RestoreWishes {
    bool in_place = false;
    bool salvage = false;
    ByteCount synced_every = 1_GiB;
    JournalKeeper* journal = nullptr;  // Else one of its own.
  };

  // A new repository.
  explicit FlowWorld(std::uint64_t seed, unsigned threads = 0);
  ~FlowWorld();
  FlowWorld(const FlowWorld&) = delete;
  FlowWorld& operator=(const FlowWorld&) = delete;
  // The same keys and a copy of the same folder; nothing is shared.
  std::unique_ptr<FlowWorld> twin(std::uint64_t seed) const;

  SimulatedFolder& folder() { return *folder_; }
  Loop& loop() { return loop_; }
  Workers& workers() { return workers_; }
  Random& random() { return *random_; }
  const SourceKey& key() const { return key_; }

  // Open for writing; opened when it is not.
  Result<Repository*> repository();
  void close();
  // The power goes; what survived is the folder from here on.
  void crash();
  // By the passphrase, each time anew.
  Result<UnlockedKeyring> unlock();

  Result<BackupReport> backup(BlockDevice& device, const Passport& passport,
                              const BackupWishes& wishes);
  Result<BackupReport> backup(MemoryDevice& device, const BackupWishes& wishes);
  Result<BackupReport> backup(MemoryDevice& device) { return backup(device, BackupWishes{}); }
  Result<RestoreReport> restore(const SignedPoint& point, BlockDevice& target,
                                const RestoreWishes& wishes);
  Result<RestoreReport> restore(const SignedPoint& point, BlockDevice& target) {
    return restore(point, target, RestoreWishes{});
  }
  // Opens every block; with a point that was verified before, only what that was not.
  Result<VerifyReport> verify(const SignedPoint& point);
  struct Verified {
    const SignedPoint& point;
    std::span<const Damage> damages;
  };
  Result<VerifyReport> verify(const SignedPoint& point, std::optional<Verified> before);
  Result<ScrubReport> scrub(ScrubMode mode, Breathe breathe = {});
  Result<RotationReport> rotate();
  // By the time that the folder has.
  Result<std::uint64_t> prune(const KeepRule& rule,
                              std::chrono::seconds minimum_age = std::chrono::seconds(0));
  // `wait` and `breathe` as Collect has them.
  Result<CollectReport> collect(const CollectRequest& request,
                                std::function<Result<bool>()> wait = {}, Breathe breathe = {});
  Result<CollectReport> collect() { return collect(CollectRequest{}); }
  // The clock of the repository's host; files are modified by it.
  void set_time(WallTime now);
  WallTime time() const { return now_; }
  Result<DifferenceReport> export_to(SimulatedFolder& out, const SignedPoint& a,
                                     const SignedPoint& b, const std::string& name);
  Result<ImportReport> import_from(SimulatedFolder& in, const std::string& name);
  Result<std::vector<SignedPoint>> points();

  NotingObserver observer;

 private:
  FlowWorld(std::uint64_t seed, SourceKey key, const SimulatedFolder& folder);
  Loop loop_;
  Workers workers_;
  std::unique_ptr<Random> random_;
  TestClock clock_;
  WallTime now_;
  StopFlag stop_;
  SourceKey key_;
  std::unique_ptr<SimulatedFolder> folder_;
  std::unique_ptr<Repository> repository_;
  std::map<std::string, RememberedPoint> made_;  // The last point of each volume.
};

// The records that lie in more than one place of the repository's packs, by name.
std::vector<RecordName> names_that_lie_twice(SimulatedFolder& folder, Loop& loop);

}  // namespace ebb::test
