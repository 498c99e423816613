// SPDX-License-Identifier: Apache-2.0
#include "engine/device/faulty_device.h"

#include <cerrno>

namespace ebb {

FaultRule bad_sectors(std::vector<ByteRun> bad) {
  return [bad = std::move(bad)](const Transfer& transfer) -> Result<void> {
    if (transfer.way != Way::read) return {};
    for (const ByteRun& run : bad) {
      if (run.touches(transfer.bytes())) return fail(Error::from_errno(EIO));
    }
    return {};
  };
}

FaultRule lost_after_writes(std::uint64_t allowed) {
  return [allowed](const Transfer& transfer) mutable -> Result<void> {
    if (transfer.way == Way::read) return {};
    if (transfer.way != Way::sync_data && allowed > 0) {
      --allowed;
      return {};
    }
    if (allowed > 0) return {};
    return fail(Error::from_errno(ENODEV));
  };
}

}  // namespace ebb
