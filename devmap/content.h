// SPDX-License-Identifier: Apache-2.0
// content.h - what lies on a device, or in a part of it, as libblkid recognises it.
//
// Inside devmap only; the one file that knows libblkid.
#pragma once

#include <string>

#include "devmap/core/units.h"

namespace ebb {

struct Content {
  std::string type;  // "ext4", "LVM2_member", "crypto_LUKS"; empty when nothing is recognised.
  std::string uuid;
  std::string label;
  std::string version;
  std::string note;  // Why it could not be told, when that is so.
};

// Of what `fd` is open on; its file position may move.
Content content_of(int fd, ByteCount logical_sector);
// Of the part of it that begins at part.begin.
Content content_of_part(int fd, ByteRun part, ByteCount logical_sector);

}  // namespace ebb
