// SPDX-License-Identifier: Apache-2.0
// held_still.h - mapped devices that take no writes for a moment, so that snapshots of several show
// one instant.
//
// The kernel freezes the file system on a device, if one is mounted, writes out what it holds, and
// lets every later request wait (suspend; Documentation/admin-guide/device-mapper). A process of
// its own does that and undoes it: when it is told, when its time is over, or when whoever asked
// dies, whatever comes first. So nothing stays held because ebb was killed or hangs.
//
// It holds what is a linear or striped volume. A thin volume must not be held so while LVM takes a
// snapshot of it: LVM 2.03 then leaves out a message to the pool, and the pool and its metadata no
// longer agree.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <vector>

#include "devmap/core/result.h"
#include "devmap/core/unique_fd.h"

namespace ebb {

// Whether what is mounted is frozen, so that it is whole on the device, or only has to wait.
enum class FileSystems : std::uint8_t { frozen, waiting };

class HeldStill {
 public:
  // Returns once all are held, with every request done that came before. Busy when that took longer
  // than `longest`, in which case none is.
  static Result<std::unique_ptr<HeldStill>> hold(const std::vector<dev_t>& devices,
                                                 std::chrono::milliseconds longest,
                                                 FileSystems mounted = FileSystems::frozen);
  HeldStill(const HeldStill&) = delete;
  HeldStill& operator=(const HeldStill&) = delete;
  ~HeldStill();

  // Once. Refuses when they were let go before, because the time was over: what was done meanwhile
  // was not done at one instant.
  Result<void> let_go();

 private:
  HeldStill(pid_t keeper, UniqueFd leash, UniqueFd says)
      : keeper_(keeper), leash_(std::move(leash)), says_(std::move(says)) {}
  bool hears(char wanted);
  bool end();

  pid_t keeper_;    // 0 once it has ended.
  UniqueFd leash_;  // A pipe's end: the keeper lets go when it is closed, by whatever.
  UniqueFd says_;   // What the keeper says.
};

}  // namespace ebb
