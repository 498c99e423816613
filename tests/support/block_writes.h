// SPDX-License-Identifier: Apache-2.0
// block_writes.h - every way in which a program changes a block device.
//
// All of these stop the test program when they cannot do it.
#pragma once

#include <string>

#include "devmap/core/random.h"
#include "devmap/core/units.h"

namespace ebb::test {

// Begin and length are multiples of 4096, but for buffered and mapped.
void write_direct(const std::string& device, ByteRun run, unsigned char fill);
void write_buffered(const std::string& device, ByteRun run, unsigned char fill);  // And fsync.
void write_mapped(const std::string& device, ByteRun run, unsigned char fill);    // And msync.
void discard(const std::string& device, ByteRun run);
void write_zeroes(const std::string& device, ByteRun run);
void punch_hole(const std::string& device, ByteRun run);

// Whatever is in the page cache of it is written.
void settle(const std::string& device);

// One of the above, anywhere on the device. What it writes is stamped: no two calls write the same.
void disturb(const std::string& device, ByteCount size, Random& random);

}  // namespace ebb::test
