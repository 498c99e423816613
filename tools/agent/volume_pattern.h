// SPDX-License-Identifier: Apache-2.0
// volume_pattern.h - what a policy's pattern of volumes means. Touches no device.
//
//   /dev/vg0/*      a glob of paths, as in a shell        serial=S   the disk of this serial number
//   /srv/a.img      one path                              vg=NAME    all logical volumes of an LVM
//                                                                    volume group
#pragma once

#include <string>
#include <string_view>

namespace ebb {

struct VolumePattern {
  enum class Kind { path, glob, serial, vg };
  Kind kind = Kind::path;
  std::string what;  // Without "serial=" or "vg=".
};
VolumePattern parse_pattern(std::string_view text);

// The volume group of a device-mapper device by its name and UUID ("vg0-root", "LVM-..."); empty
// when it is no logical volume that a person made. In names of devices LVM doubles hyphens; the
// parts that it makes for itself (of pools, mirrors, snapshots) have something after the 64
// characters of the UUID.
std::string volume_group_of(std::string_view dm_name, std::string_view dm_uuid);

}  // namespace ebb
