// SPDX-License-Identifier: Apache-2.0
// tracker.h - which blocks of a device were written, as programs in the kernel have marked them.
//
// A tracker is attached to a device and goes on when the program that started it has ended, until
// it is stopped, the device goes away, or the machine is booted. Its epochs are numbered from 1;
// closing one hands out what was marked in it, and in those closed before it that nobody has
// forgotten.
//
// Promises of a closed epoch: each block whose bytes, read after switch_epoch() returned, may
// differ later without a mark in a later epoch, does not exist. That holds for writes that are
// under way at the switch, for writes to the partitions of a disk or past one to its disk, and for
// those that drivers pass on; where the kernel cannot be seen to have told everything, the closed
// epoch says that everything may have changed.
//
// Not seen, by anything in the block layer: what is written past it (DAX and mapped persistent
// memory, SCSI and NVMe commands sent by hand), by another host to a shared disk, or to a loop
// device's image behind its back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "devmap/dirty_map.h"
#include "devmap/source/track/track_token.h"
#include "devmap/source/track/tracked_device.h"

namespace ebb {

class TrackMaps;

struct TrackOptions {
  BlockSize block = BlockSize::standard();  // Coarser where marks would take more than their bound.
};

// What was marked, and the proof.
struct ClosedEpoch {
  TrackToken token;               // Belongs into a point whose data are read from now on.
  std::uint64_t covers_from = 0;  // The first epoch whose marks are in it; the last is the token's.
  DirtyMap marks;
  std::string everything;  // Why all blocks are marked; empty when they are not.

  // Why the marks do not say what changed since the point with this token; empty when they do.
  std::string why_not_since(const TrackToken& base) const;
};

struct TrackStatus {
  std::string path;  // As it was given when the tracker was started.
  std::string node;  // As the kernel names it now; empty when it has gone.
  std::string device;
  WallTime attached;
  std::uint64_t epoch = 0;  // The one that is open.
  ByteCount size;
  ByteCount block;
  BlockCount marked;            // In the epoch that is open.
  BlockCount marked_in_closed;  // In those that are closed and not forgotten.
  std::uint64_t under_way = 0;  // Writes at this moment.
  ByteCount memory;             // Of the kernel.
  std::string broken;           // Why its marks are worth nothing; empty when they are sound.
  std::string everything;       // Why all blocks count as marked, as far as it is known.
};

class Tracker {
 public:
  // Attaches a tracker to a block device. One that is there and sound is kept as it is, one that is
  // not is replaced.
  static Result<std::unique_ptr<Tracker>> start(const std::string& path,
                                                const TrackOptions& options = {});
  // Of a device that is tracked. Absent when it is not; a mismatch when the tracker was, and its
  // marks are worth nothing.
  static Result<std::unique_ptr<Tracker>> open(const std::string& path);
  // By a path of the device or its number ("7:3"), or, where the device has gone, by the path that
  // the tracker was started with.
  static Result<void> stop(const std::string& path);
  static Result<std::vector<TrackStatus>> list();
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  // Closes the epoch and opens the next. What was closed stays until it is forgotten, and is in the
  // next closed epoch again if it was not. A mismatch when the marks are worth nothing.
  Result<ClosedEpoch> switch_epoch();
  // Drops all marks up to this epoch. A mismatch, and nothing is dropped, when another was closed
  // since: its marks hold this one's.
  Result<void> forget(std::uint64_t epoch);
  // Whether a block that these bytes touch is marked in the epoch that is open.
  Result<bool> is_marked(ByteRun bytes);
  Result<TrackStatus> status();

 private:
  Tracker(dev_t number, std::string folder, std::unique_ptr<TrackMaps> maps);
  static Result<std::unique_ptr<Tracker>> of(dev_t number);
  Result<void> check_sound();
  Result<void> note_everything();
  Result<ClosedEpoch> closed();
  TrackToken token();

  dev_t number_;
  std::string folder_;
  std::unique_ptr<TrackMaps> maps_;
};

// Why nothing can be tracked here: not root, a kernel without BTF, an ebb that was built without
// it. Empty when something can.
std::string why_no_tracker();

}  // namespace ebb
