// SPDX-License-Identifier: Apache-2.0
#include "engine/buffer/arena.h"

#include <sys/mman.h>

#include <cerrno>

#include "devmap/core/limits.h"

namespace ebb {

Result<std::unique_ptr<Arena>> Arena::make(ByteCount size, Ring* ring) {
  const std::size_t bytes = round_up(size, 2_MiB).size();
  void* region = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) {
    return fail(Error::from_errno(errno).during("reserving {} bytes of memory", bytes));
  }
  return std::unique_ptr<Arena>(
      new Arena(MutableBytes(static_cast<std::byte*>(region), bytes), ring));
}

void Arena::use_huge_pages() {
  ::madvise(region_.data(), region_.size(), MADV_HUGEPAGE);  // Refused where switched off.
}

Arena::~Arena() {
  if (ring_ != nullptr) ring_->forget_buffers();
  ::munmap(region_.data(), region_.size());
}

MutableBytes Arena::take(ByteCount size) {
  const std::size_t bytes = round_up(size, limits::io_alignment).size();
  EBB_CHECK(bytes <= region_.size() - taken_, "the arena was made too small");
  const MutableBytes buffer = region_.subspan(taken_, bytes);
  taken_ += bytes;
  if (ring_ != nullptr) ring_->add_buffer(buffer);
  return buffer.first(size.size());
}

}  // namespace ebb
