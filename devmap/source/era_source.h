// SPDX-License-Identifier: Apache-2.0
// era_source.h - a device with dm-era under it as a change source.
//
// dm-era (Linux, Documentation/admin-guide/device-mapper/era.rst) keeps for each block the last era
// in which it was written, and puts that down before the write goes on, so no crash loses a mark.
// Taking a metadata snapshot begins a new era. Asking therefore
//   1. reads the current era C, takes the snapshot, which has everything up to it: what is written
//      from now on is of an era after C, also if somebody else begins eras at the same time;
//   2. holds the device still for a moment, so that writes which were marked before have arrived;
//   3. has era_invalidate say what was written since the point's era.
// Of a discard the kernel marks only the first block (seen on Linux 6.1), so a device that takes
// discards is refused; /sys/block/dm-N/queue/discard_max_bytes turns them off.
//
// The point's proof is era C + 1. Eras start anew when the metadata is made anew, and nothing in it
// tells one from the other, so a proof holds for one attaching of the device in one boot of the
// kernel; after a reboot everything is read once.
#pragma once

#include <memory>
#include <string>

#include "devmap/device_mapper.h"
#include "devmap/source/change_source.h"

namespace ebb {

// What an era device's table says.
struct EraPlace {
  dev_t metadata = 0;
  dev_t origin = 0;
  ByteCount block;
  ByteCount size;

  static Result<EraPlace> of(const MapperDevice& table);
};

class EraSource final : public ChangeSource {
 public:
  // Absent when `path` is no device of dm-era, mismatch when it takes discards. `notes` is a folder
  // that outlives reboots (metadata_hold.h).
  static Result<std::unique_ptr<EraSource>> open(const std::string& path, const std::string& notes,
                                                 DeviceMapper& mapper);

  SourceKind kind() const override { return SourceKind::dm_era; }
  Result<Answer> ask(const BasePoint* since, const BlockGrid& grid) override;
  Result<bool> may_have_changed_meanwhile(ByteRun bytes) override;
  Result<void> committed() override { return {}; }

 private:
  EraSource(dev_t device, EraPlace place, std::string metadata_node, std::string notes,
            std::map<std::string, std::string> identity, DeviceMapper& mapper)
      : device_(device),
        place_(place),
        metadata_node_(std::move(metadata_node)),
        notes_(std::move(notes)),
        identity_(std::move(identity)),
        mapper_(mapper) {}
  Result<std::uint64_t> current_era();
  // Begins an era; what was written in `since` or later, up to its beginning.
  Result<DirtyMap> written_since(std::uint64_t since, const BlockGrid& grid);
  // The era that the proof names; mismatch, in words, when it does not hold.
  Result<std::uint64_t> era_of(const BasePoint& since, std::uint64_t now) const;

  dev_t device_;
  EraPlace place_;
  std::string metadata_node_;
  std::string notes_;
  std::map<std::string, std::string> identity_;  // Facts that must be as they were.
  DeviceMapper& mapper_;
  std::uint64_t era_ = 0;              // That began when it was asked.
  std::optional<DirtyMap> meanwhile_;  // What was written since, as of the last look.
  std::optional<BlockGrid> grid_;
};

}  // namespace ebb
