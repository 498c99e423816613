// SPDX-License-Identifier: Apache-2.0
// transfer.h - one I/O, as an object that its owner pins.
//
// Whoever starts a transfer owns it and keeps it, and the memory behind `data`, in place until
// `settled` runs. It settles exactly once: with success when every byte moved, or with the first
// error. Nothing is allocated for an I/O that succeeds.
#pragma once

#include "devmap/core/bytes.h"
#include "devmap/core/result.h"
#include "devmap/core/units.h"

namespace ebb {

enum class Way : std::uint8_t {
  read,
  write,
  write_zeroes,  // `length` bytes from `at` read as zero afterwards; may be refused (invalid).
  sync_data,     // What was written before it started survives a power loss.
};

struct Transfer {
  Way way = Way::read;
  ByteIndex at;
  MutableBytes data;  // For a write it is only read.
  ByteCount length;   // For write_zeroes only.
  void (*settled)(Transfer&, Result<void>) = nullptr;

  // Below: written by the medium while the transfer is under way.
  int fd = -1;
  int zero_mode = 0;  // The mode of fallocate(2) by which this medium makes zeroes.
  std::size_t moved = 0;
  Transfer* next = nullptr;

  Transfer() = default;
  Transfer(const Transfer&) = delete;  // Pinned.
  Transfer& operator=(const Transfer&) = delete;
  ByteRun bytes() const {
    return ByteRun::of(at, way == Way::write_zeroes ? length : ByteCount(data.size()));
  }
};

// Something that transfers go to: a device, a file.
class Medium {
 public:
  virtual ~Medium() = default;
  // Queues the transfer. Never calls back before it returns.
  virtual void start(Transfer& transfer) = 0;
};

}  // namespace ebb
