// SPDX-License-Identifier: Apache-2.0
// two_way_fd.h - one file opened twice: for direct I/O, and through the page cache for the rest.
//
// Direct I/O wants offset, length and memory aligned. The unaligned tail of an image file, or a
// file system that has no direct I/O, goes through the second descriptor; the kernel keeps both
// coherent.
#pragma once

#include <string>

#include "devmap/core/limits.h"
#include "devmap/core/unique_fd.h"
#include "engine/uring/transfer.h"

namespace ebb {

class TwoWayFd {
 public:
  // `flags` as for open(2), without O_DIRECT; O_CREAT and O_EXCL apply once.
  static Result<TwoWayFd> open(const std::string& path, int flags, ByteCount alignment);

  // The descriptor by which this transfer can go.
  int for_transfer(const Transfer& transfer) const;
  int buffered() const { return buffered_.get(); }
  bool is_direct() const { return direct_.is_open(); }

 private:
  TwoWayFd(UniqueFd direct, UniqueFd buffered, ByteCount alignment)
      : direct_(std::move(direct)), buffered_(std::move(buffered)), alignment_(alignment) {}
  UniqueFd direct_;  // Not open where there is no direct I/O.
  UniqueFd buffered_;
  ByteCount alignment_;
};

}  // namespace ebb
