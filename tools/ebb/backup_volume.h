// SPDX-License-Identifier: Apache-2.0
// backup_volume.h - the volumes that `ebb backup DEVICE...` means.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "devmap/passport.h"
#include "engine/nbd/nbd_export.h"
#include "engine/repo/ids.h"

namespace ebb {

struct BackupVolume {
  std::string device;  // A path, or the URI of an export.
  Passport passport;
  std::shared_ptr<NbdExport> nbd;  // Instead of a device of this machine.
  std::string name;
  VolumeId id;               // In the repository, once that is known.
  bool was_written = false;  // It was mounted so when its snapshot was taken.
};

// Each device probed, each export connected to. `name` is of the one volume; empty: from the
// device's identity. Several devices are backed up together only from snapshots.
Result<std::vector<BackupVolume>> volumes_to_back_up(const std::vector<std::string>& devices,
                                                     const std::string& name,
                                                     const std::string& bitmap, bool snapshots);

}  // namespace ebb
