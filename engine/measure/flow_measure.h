// SPDX-License-Identifier: Apache-2.0
// flow_measure.h - whole backups, verifies and restores over a repository made for it, measured.
//
// The runs are the ones that commands start (flow/local_runs.h): the same code, keys, memory and
// syncs. The repository lies in an empty folder, and its passphrase is known to nobody and cheap.
// It does not know what the devices are; they may be in memory.
#pragma once

#include <string>
#include <vector>

#include "engine/flow/local_runs.h"
#include "engine/flow/local_source.h"
#include "engine/measure/figure.h"

namespace ebb {

// How long a run was in each of its phases, by what it told its observer.
struct PhaseTime {
  std::string phase;
  double seconds = 0;
};

struct FlowFigure {
  Figure figure;       // Bytes are those of the volume that were read, checked or written.
  ByteCount volume;    // Holes and zeroes included.
  ByteCount stored;    // Backup: added to the repository; else: read from it in one pass.
  PointCounts counts;  // Of the backup.
  std::vector<PhaseTime> phases;
};

class FlowMeasure {
 public:
  struct World {
    Ring& ring;
    Workers& workers;
    Files& files;  // An empty folder.
    const Clock& clock;
    Random& random;
    Observer& observer;
    const StopFlag& stop;
  };
  static Result<std::unique_ptr<FlowMeasure>> make(World world);

  // The next point of the one volume that there is.
  Result<FlowFigure> backup(BlockDevice& device, BackupRequest request);
  // The rest is about the last point. Mismatch when anything was found damaged.
  Result<FlowFigure> verify();
  // As `ebb restore` to a new image: proves the records first, compares what it wrote last. The
  // target is as large as the volume and reads as zero.
  Result<FlowFigure> restore(BlockDevice& target);

 private:
  explicit FlowMeasure(World world) : world_(world) {}
  LocalRun run(Observer& observer) const {
    return {world_.ring, world_.workers, observer, world_.stop};
  }
  Result<std::unique_ptr<RecordOpener>> opener();

  World world_;
  SourceKey key_;
  UnlockedKeyring keys_;
  std::unique_ptr<Repository> repository_;
  std::unique_ptr<LocalSource> source_;
  std::optional<BackupReport> last_;
};

}  // namespace ebb
