// SPDX-License-Identifier: Apache-2.0
// ring_measure.h - what a transfer costs without a disk: reads of a page that lies in memory.
//
// The page is a file in memory (memfd), so the kernel copies it at once and the rest is the price
// of the ring: queueing, entering the kernel, reaping, calling back.
#pragma once

#include <memory>

#include "devmap/core/unique_fd.h"
#include "engine/measure/transfer_measure.h"
#include "engine/uring/ring.h"

namespace ebb {

class PageInMemory final : public Medium {
 public:
  static constexpr ByteCount size = 4_KiB;
  static Result<std::unique_ptr<PageInMemory>> make(Ring& ring);
  void start(Transfer& transfer) override;

 private:
  PageInMemory(UniqueFd fd, Ring& ring) : fd_(std::move(fd)), ring_(ring) {}
  UniqueFd fd_;
  Ring& ring_;
};

// Operations are reads of the page. `memory` has room for `depth` of them.
Result<TransferFigure> measure_ring(const MeasureWorld& world, Ring& ring, MutableBytes memory,
                                    unsigned depth);

}  // namespace ebb
