// SPDX-License-Identifier: Apache-2.0
// dm_table.h - what a device-mapper device is made of at this moment.
//
// Inside devmap only. A dm device can become another (a snapshot merged into it, a table loaded by
// hand) without one write to it and under the same number; its table tells.
#pragma once

#include <sys/types.h>

#include <string>

#include "devmap/core/result.h"

namespace ebb {

// One line a target: "begin length type arguments", in sectors, as `dmsetup table` has them (keys
// of dm-crypt included: not for printing). Kernel: include/uapi/linux/dm-ioctl.h.
Result<std::string> dm_table(dev_t number);

}  // namespace ebb
