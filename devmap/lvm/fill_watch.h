// SPDX-License-Identifier: Apache-2.0
// fill_watch.h - looks after snapshots while they are read: extends those that fill up, and has the
// run given up before one overflows.
//
// A thick snapshot that overflows is lost at once, and every read of it fails; a pool that is full
// stops all of its volumes. So a thick one is doubled when it is half full, as long as the group
// has room, and at nineteen twentieths of either the run is told to stop: its owner then removes
// the snapshot, and the origin goes on unharmed. A thread of its own asks the kernel five times a
// second.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "devmap/core/interrupt.h"
#include "devmap/device_mapper.h"
#include "devmap/lvm/lvm.h"

namespace ebb {

// How full something is, in its own units.
struct Fill {
  std::uint64_t used = 0;
  std::uint64_t total = 0;
  bool reaches(unsigned percent) const { return used * 100 >= total * percent; }

  // Of the status of a thick snapshot ("56/24576 16"). Lost when it overflowed or failed.
  static Result<Fill> of_snapshot(const MapperDevice& status);
  // The fuller of data and metadata, of the status of a pool. Lost when it failed.
  static Result<Fill> of_pool(const MapperDevice& status);
};

class FillWatch {
 public:
  // Snapshots of one set. The stop flag is raised with `outer`, or with trouble. All outlive it.
  FillWatch(const std::vector<LogicalVolume>& snapshots, Lvm& lvm, DeviceMapper& mapper,
            const StopFlag& outer);
  ~FillWatch();
  FillWatch(const FillWatch&) = delete;
  FillWatch& operator=(const FillWatch&) = delete;

  const StopFlag& stop() const { return stop_; }
  // Whether every snapshot still is what it was: asked now, or what was seen before.
  Result<void> check();

 private:
  struct Watched {
    LogicalVolume snapshot;
    bool may_extend = true;
  };
  void live();
  Result<void> look(Watched& watched);
  Result<void> look_at_all();
  void extend(Watched& watched, const Fill& fill);

  std::vector<Watched> watched_;
  Lvm& lvm_;
  DeviceMapper& mapper_;
  const StopFlag& outer_;
  StopFlag stop_;

  std::mutex mutex_;  // Of what follows, and of looking.
  std::condition_variable ending_;
  bool ends_ = false;
  std::optional<Error> trouble_;
  std::thread thread_;
};

}  // namespace ebb
