// SPDX-License-Identifier: Apache-2.0
// restore.h - the story of a restore: blank what makes the disk look whole, write everything else
// and read it back, and only then write partition tables and boot sectors, and read those back.
//
// Until everything else was read back and found right, the target has no partition table and no
// boot sector, so nothing takes a half-restored disk for a whole one. While a window is written the
// one before it is compared. A journal beside the target says how far it is on disk; a restore that
// was killed goes on from there.
#pragma once

#include <functional>
#include <set>

#include "engine/device/block_device.h"
#include "engine/flow/in_place.h"
#include "engine/flow/observer.h"
#include "engine/flow/record_opener.h"
#include "engine/flow/restore_plan.h"

namespace ebb {

// How far a restore is on disk. Kept beside the target.
struct RestoreJournal {
  PointId point;
  Digest target;          // Of its identity and size.
  BlockIndex written_to;  // All blocks before this one, but for the late ones, are on disk.
  bool operator==(const RestoreJournal&) const = default;
};
ByteVector pack_journal(const RestoreJournal& journal);
Result<RestoreJournal> unpack_journal(Bytes body);

struct RestoreRequest {
  Point point;
  PointId id;
  PointAbout about;
  bool target_is_empty = false;  // A file made for this: holes are zero already.
  // In place: only these blocks are written, the others were compared with the point already.
  std::optional<DirtyMap> in_place;
  // In place, from a source that has only what changed: boot areas are not blanked before, for only
  // what differs of them can be written again.
  bool only_changes = false;
  bool moves_gpt = false;
  bool salvage = false;
  Digest target_identity;
  // What may be written before it is synced and the journal moves on: about what a kill costs. Data
  // scattered over a large device would otherwise pay for a sync in each window.
  ByteCount synced_every = 1_GiB;
};

struct RestoreReport {
  ByteCount written;
  ByteCount zeroed;
  ByteCount compared;
  bool resumed = false;
  std::vector<Damage> damages;  // Salvage only: blocks that were left out.
};

// Keeps the journal; a seam, so that a test can stop a restore at any of its steps.
class JournalKeeper {
 public:
  virtual ~JournalKeeper() = default;
  virtual Result<std::optional<RestoreJournal>> read() = 0;
  virtual Result<void> write(const RestoreJournal& journal) = 0;  // Durable when it returns.
  virtual Result<void> remove() = 0;
};
// A file on this machine.
std::unique_ptr<JournalKeeper> journal_file(std::string path);

class Restore {
 public:
  struct World {
    ExtentSource& source;
    BlockDevice& target;  // Open for writing; at least as large as end_of_data().
    RecordOpener& opener;
    JournalKeeper& journal;
    Loop& loop;
    Workers& workers;
    Arena& arena;  // memory() is cut from it.
    const IdKey& id_key;
    Observer& observer;
    const StopFlag& stop;
  };
  static constexpr ByteCount memory() {
    return RecordWalk::memory() + Compare::memory() + zero_room;
  }

  Restore(World world, RestoreRequest request);
  ~Restore();
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  Result<RestoreReport> run();

 private:
  static constexpr ByteCount zero_room = 1_MiB;
  class Writing;

  Result<void> begin();
  Result<void> blank_late_areas();
  Result<bool> has_old_backup_gpt();
  Result<void> write_and_compare(BlockRun run, const std::function<bool(BlockIndex)>& wanted);
  Result<void> sync_if(ByteCount at_least);
  Result<BlockWindow> window(BlockRun run, const std::function<bool(BlockIndex)>& wanted);
  Result<void> compare_again(BlockRun run, const std::function<bool(BlockIndex)>& wanted);
  Result<void> write_windows();
  Result<void> write_late_areas();
  Result<void> write_zeroes(ByteRun run);
  void start_compare(BlockRun run, Compare::Expected expected);
  Result<void> finish_compare();
  Result<void> move_gpt();
  Result<void> note_lost(std::vector<Damage> damages);
  bool wanted(BlockIndex block) const;
  bool any_wanted(BlockRun run) const;
  bool is_late(BlockIndex block) const;
  bool fits(BlockIndex block) const;
  BlockRun window_at(BlockIndex at) const;
  void tell(std::string_view phase, BlockIndex at);

  World world_;
  RestoreRequest request_;
  BlockGrid grid_;
  PointBlocks blocks_;
  std::unique_ptr<Writing> writing_;
  std::unique_ptr<RecordWalk> walk_;
  std::unique_ptr<Compare> compare_;
  std::optional<BlockRun> comparing_;
  MutableBytes zeroes_;
  bool device_writes_zeroes_ = true;  // Until it refuses.
  std::vector<BlockRun> late_;        // Ascending, apart.
  std::set<BlockIndex> lost_;         // Salvage: what was left out.
  RestoreJournal journal_;
  ByteCount synced_;  // Of what the report counts as written and zeroed.
  RestoreReport report_;
};

}  // namespace ebb
