// SPDX-License-Identifier: Apache-2.0
#include "engine/measure/ring_measure.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace ebb {

Result<std::unique_ptr<PageInMemory>> PageInMemory::make(Ring& ring) {
  UniqueFd fd(::memfd_create("ebb-bench", MFD_CLOEXEC));
  static constexpr std::array<std::byte, size.size()> zeroes{};
  if (!fd.is_open() ||
      ::write(fd.get(), zeroes.data(), zeroes.size()) != static_cast<ssize_t>(zeroes.size())) {
    return fail(Error::from_errno(errno).during("making a file in memory"));
  }
  return std::unique_ptr<PageInMemory>(new PageInMemory(std::move(fd), ring));
}

void PageInMemory::start(Transfer& transfer) {
  transfer.fd = fd_.get();
  ring_.submit(transfer);
}

Result<TransferFigure> measure_ring(const MeasureWorld& world, Ring& ring, MutableBytes memory,
                                    unsigned depth) {
  const auto page = TRY(PageInMemory::make(ring));
  Course course({ByteRun::of(ByteIndex(0), PageInMemory::size)});
  return measure_transfers(world, ring, *page, course, memory,
                           {Way::read, PageInMemory::size, depth});
}

}  // namespace ebb
