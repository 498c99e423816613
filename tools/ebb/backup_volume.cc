// SPDX-License-Identifier: Apache-2.0
#include "tools/ebb/backup_volume.h"

#include "devmap/probe.h"
#include "tools/common/volume_name.h"

namespace ebb {

namespace {

Result<BackupVolume> volume_at(const std::string& device, const std::string& name,
                               const std::string& bitmap) {
  BackupVolume volume;
  volume.device = device;
  volume.name = name;
  if (is_nbd_uri(device)) {
    volume.nbd = TRY(NbdExport::connect(device, bitmap));
    volume.passport = volume.nbd->passport();
  } else {
    volume.passport = TRY(probe(device));
  }
  if (volume.name.empty()) volume.name = volume_name_for(volume.passport);
  if (volume.name.size() > limits::max_name_bytes || volume.name.find('@') != std::string::npos) {
    return fail(Error::invalid("\"{}\" is no name for a volume: at most {} bytes, no @",
                               volume.name, limits::max_name_bytes));
  }
  return volume;
}

}  // namespace

Result<std::vector<BackupVolume>> volumes_to_back_up(const std::vector<std::string>& devices,
                                                     const std::string& name,
                                                     const std::string& bitmap, bool snapshots) {
  if (devices.size() > 1 && !snapshots) {
    return fail(
        Error::invalid("several devices are backed up together from snapshots only "
                       "(--snapshot lvm); run ebb once for each device"));
  }
  if (devices.size() > 1 && !name.empty()) {
    return fail(Error::invalid("--volume names one volume, and there are several devices"));
  }
  std::vector<BackupVolume> volumes;
  for (const std::string& device : devices) {
    BackupVolume volume = TRY(volume_at(device, name, bitmap));
    for (const BackupVolume& other : volumes) {
      if (other.name == volume.name) {
        return fail(Error::invalid("{} and {} are the same volume", other.device, device));
      }
    }
    volumes.push_back(std::move(volume));
  }
  return volumes;
}

}  // namespace ebb
