// SPDX-License-Identifier: Apache-2.0
// probe.h - makes a passport: asks the kernel and libblkid what a path is.
//
// The one edge of devmap to a live device's identity (occupation.h is the one to its users). Reads
// only, opens without O_EXCL, leaves nothing open. Needs root for block devices, as opening one
// does.
#pragma once

#include <optional>
#include <string>

#include "devmap/core/result.h"
#include "devmap/passport.h"
#include "devmap/system_roots.h"

namespace ebb {

struct ProbeOptions {
  // The logical sector size to read an image file with; a block device knows its own.
  std::optional<ByteCount> image_sector;
  SystemRoots roots;
};

// Of a block device or an image file. Says what is wrong with anything else: absent, a folder, a
// character device, empty, sectors that ebb does not support.
Result<Passport> probe(const std::string& path, const ProbeOptions& options = {});

}  // namespace ebb
