// SPDX-License-Identifier: Apache-2.0
// metadata_hold.h - the one metadata snapshot that a thin pool or an era device can have, taken and
// given back.
//
// While it is held, programs read the device's metadata as they were at one instant. There is one a
// device, it outlives reboots, and while it is there nobody else gets one: so it is released
// however its holder ends. In order that is the destructor. For a holder that was killed there is a
// note in a folder that outlives reboots: the next hold() releases what a note says is ours, and
// never what somebody else took. The kernel's
// Documentation/admin-guide/device-mapper/thin-provisioning.rst and era.rst have the messages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "devmap/core/unique_fd.h"
#include "devmap/device_mapper.h"

namespace ebb {

// Where a target's status has its metadata snapshot, and by which messages it comes and goes.
struct MetadataTarget {
  const char* type;
  const char* take;
  const char* release;
  std::size_t held_word;  // Of the status: "-", or where the snapshot is.

  // While there is one. Lost when the target failed, which says a word instead of its status.
  Result<std::optional<std::uint64_t>> held_root(const MapperDevice& status) const;
};
extern const MetadataTarget thin_pool_target;
extern const MetadataTarget era_target;

class MetadataHold {
 public:
  // Busy when somebody else holds it, or another ebb does just now. `notes` is a folder that is
  // made when it is not there.
  static Result<std::unique_ptr<MetadataHold>> take(const MetadataTarget& target, dev_t device,
                                                    const std::string& notes, DeviceMapper& mapper);
  MetadataHold(const MetadataHold&) = delete;
  MetadataHold& operator=(const MetadataHold&) = delete;
  ~MetadataHold();

  // Once; says whether that went well, which the destructor cannot.
  Result<void> release();

 private:
  MetadataHold(const MetadataTarget& target, dev_t device, DeviceMapper& mapper, UniqueFd note)
      : target_(target), device_(device), mapper_(mapper), note_(std::move(note)) {}
  Result<void> release_what_a_killed_one_left();
  Result<void> reserve();

  const MetadataTarget& target_;
  dev_t device_;
  DeviceMapper& mapper_;
  UniqueFd note_;  // Locked: whoever has the lock lives.
  bool held_ = false;
};

}  // namespace ebb
