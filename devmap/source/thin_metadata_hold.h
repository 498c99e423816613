// SPDX-License-Identifier: Apache-2.0
// thin_metadata_hold.h - the one metadata snapshot that a thin pool can have, taken and given back.
//
// While it is held, programs read the pool's metadata as they were at one instant. There is one a
// pool, it outlives reboots, and while it is there nobody else gets one: so it is released however
// its holder ends. In order that is the destructor. For a holder that was killed there is a note in
// a folder that outlives reboots: the next hold() releases what a note says is ours, and never what
// somebody else took. The kernel's Documentation/admin-guide/device-mapper/thin-provisioning.rst
// has the messages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "devmap/core/unique_fd.h"
#include "devmap/device_mapper.h"

namespace ebb {

// What a thin pool's status says.
struct ThinPoolStatus {
  std::optional<std::uint64_t> held_root;  // Where its metadata snapshot is, while there is one.

  static Result<ThinPoolStatus> of(const MapperDevice& status);
};

class ThinMetadataHold {
 public:
  // Busy when somebody else holds it, or another ebb does just now. `notes` is a folder that is
  // made when it is not there.
  static Result<std::unique_ptr<ThinMetadataHold>> take(dev_t pool, const std::string& notes,
                                                        DeviceMapper& mapper);
  ThinMetadataHold(const ThinMetadataHold&) = delete;
  ThinMetadataHold& operator=(const ThinMetadataHold&) = delete;
  ~ThinMetadataHold();

  // Once; says whether that went well, which the destructor cannot.
  Result<void> release();

 private:
  ThinMetadataHold(dev_t pool, DeviceMapper& mapper, UniqueFd note)
      : pool_(pool), mapper_(mapper), note_(std::move(note)) {}
  Result<void> release_what_a_killed_one_left();
  Result<void> reserve();

  dev_t pool_;
  DeviceMapper& mapper_;
  UniqueFd note_;  // Locked: whoever has the lock lives.
  bool held_ = false;
};

}  // namespace ebb
