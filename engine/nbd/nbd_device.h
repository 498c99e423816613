// SPDX-License-Identifier: Apache-2.0
// nbd_device.h - an NBD export as a device to read from.
//
// A thread of its own speaks to the server, from the first transfer on, with as many requests under
// way as were started; what ends is handed to the loop as workers' jobs are. An error of the
// server's disk is damage, as of a bad sector; once the connection is gone every transfer is lost.
#pragma once

#include "engine/device/block_device.h"
#include "engine/nbd/nbd_export.h"

namespace ebb {

// Keeps the export, which nobody asks any more once a transfer was started.
std::unique_ptr<BlockDevice> make_nbd_device(std::shared_ptr<NbdExport> from, Loop& loop);

}  // namespace ebb
