// SPDX-License-Identifier: Apache-2.0
// backup.h - the story of a backup: read, fingerprint, drop what is known, compress, seal, ship.
//
// Batches of up to 1 MiB go through a window of slots. A slot is owned by the kernel, a worker or
// the I/O thread, never by two. Slots finish in any order and are shipped in theirs, so the same
// device and keys give the same records in the same order. Until the last step, the commit, no
// reader can see anything of a run; what a killed run shipped is found again by the next.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "devmap/core/interrupt.h"
#include "engine/buffer/arena.h"
#include "engine/device/block_device.h"
#include "engine/flow/backup_base.h"
#include "engine/flow/backup_batch.h"
#include "engine/flow/compression_pace.h"
#include "engine/flow/map_assembly.h"
#include "engine/flow/read_plan.h"
#include "engine/flow/skipped_blocks.h"
#include "engine/flow/under_way.h"

namespace ebb {

struct BackupRequest {
  std::string volume_name;
  Passport passport;
  std::optional<BlockSize> block_size;  // Else the base's, else 64 KiB.
  Compression compression;
  bool adapts_compression = false;  // `compression` is how it begins (compression_pace.h).
  std::optional<HoleWalk> holes;    // Of an image file: what need not be read.
  // Which blocks are to be left out because file systems call them free: asked once, before the
  // first is read. In the point they are zero. Null: none.
  std::function<Result<DirtyMap>(const BlockGrid&)> free_blocks;
  std::optional<RememberedPoint> remembered;
  // Who may say what need not be read, and outlives the run; null: everything is read.
  ChangeSource* changes = nullptr;
  bool insists_on_source = false;  // Fails (mismatch) instead of reading everything.
  AuditPolicy audit;
  // Asked once, when everything is read and stored and before the point is published: whether what
  // was read was of one instant. Its refusal ends the run without a point.
  std::function<Result<void>(const SignedPoint&)> before_commit;
};

struct BackupReport {
  SignedPoint point;
  std::string volume_name;
  BlockCount blocks_total;
  PointCounts counts;
  BlockCount left_out;        // Among the zero blocks, at most: what file systems called free.
  std::string left_out_said;  // Of them, by whoever asked; for people.
  std::vector<ByteRun> unreadable;
  bool first_of_volume = false;
  // What the source said, or why it was not used; empty where none was asked.
  std::string source_said;
  Audit audit;
  bool source_lied = false;     // It called a block clean that differed: everything was read.
  Compression compressed_with;  // At the end, where that changed on the way.
  double seconds = 0;
};

class Backup {
 public:
  struct World {
    BlockDevice& device;
    ExtentSink& sink;
    Loop& loop;
    Workers& workers;
    Arena& arena;  // memory() is cut from it.
    const SourceKey& key;
    const Members& members;  // Checked against the key's authority.
    const Clock& clock;
    Random& random;
    Observer& observer;
    const StopFlag& stop;
  };
  static constexpr ByteCount memory() { return (limits::batch_size * 2 + 16_KiB) * most_slots; }

  Backup(World world, BackupRequest request);
  ~Backup();
  Backup(const Backup&) = delete;
  Backup& operator=(const Backup&) = delete;

  Result<BackupReport> run();

 private:
  static constexpr unsigned most_slots = 32;
  static constexpr unsigned fewest_slots = 8;
  struct Slot;
  struct WorkerState;

  Result<void> begin();
  Result<void> make_plan();
  Result<void> read_planned();
  void start_over();
  Result<RunStart> make_key();
  void make_window();
  bool more_to_read();
  Result<void> start_reads();
  Result<bool> comes_to_skipped();
  Result<void> gather(Slot& slot);
  BlockRun next_run(bool skipped, BlockCount most, std::uint64_t within);
  Result<bool> is_skipped();
  void read(Slot& slot);
  Result<void> wait_for_one();
  Result<void> fingerprint_arrived();
  Result<void> look_up_fingerprinted();
  Result<void> compress_unknown();
  Result<void> seal_in_order();
  Result<void> ship_in_order();
  Result<void> ship_zeroes(BlockRun blocks);
  Result<void> count(BlockIndex block, const Fingerprint& print, const Fingerprint& base);
  Result<void> from_map(Result<void> result);
  Result<BackupReport> commit(const MapRoot& root);
  std::vector<ByteRun> unreadable_in_bounds();
  Slot& slot_of(std::uint64_t sequence) { return *slots_[sequence % slots_.size()]; }
  using Work = Result<void> (*)(Slot&, WorkerState&);
  CompressionPace::WaitsFor waits_for() const;
  void submit(Slot& slot, Work work, BackupBatch::State then);
  void arrived(Slot& slot, BackupBatch::State next, Result<void> result);
  void tell_progress();

  World world_;
  BackupRequest request_;
  double began_ = 0;
  RunStart start_;
  std::unique_ptr<RecordCipher> cipher_;
  std::unique_ptr<BackupBase> base_;
  BlockGrid grid_;  // The base's.
  std::unique_ptr<MapAssembly> map_;

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::unique_ptr<WorkerState>> worker_states_;
  std::uint64_t started_ = 0;   // Slots so far; the next one's sequence.
  std::uint64_t reserved_ = 0;  // The first slot that has not yet passed seal_in_order().
  std::uint64_t retired_ = 0;   // The first slot that is still in the window.
  UnderWay under_way_;          // Reads, jobs and queries.
  bool sink_is_full_ = false;   // The last reserve() found no room.
  unsigned jobs_ = 0;           // With the workers.
  CompressionPace pace_;

  ReadPlan plan_;
  std::optional<ProofToken> token_;   // Of this run's beginning.
  std::string said_;                  // By the source, or of why it was not used.
  bool lied_ = false;                 // It called clean what was not.
  std::optional<std::string> again_;  // Why everything has to be read after all.

  std::optional<DirtyMap> free_;  // Blocks to be left out.

  BlockIndex next_block_;
  std::optional<SkippedBlocks> skipped_;
  std::optional<BlockRun> skip_;  // The next that next_block_ has not yet passed.
  PointCounts counts_;
  BlockCount left_out_;
  std::uint64_t not_comparable_ = 0;  // Audited blocks that the base left out.
  std::vector<ByteRun> unreadable_;
};

}  // namespace ebb
