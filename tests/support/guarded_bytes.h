// SPDX-License-Identifier: Apache-2.0
// guarded_bytes.h - bytes that end where memory that nobody may touch begins.
//
// Kernels written in assembly are not instrumented, so no sanitizer sees them read past a span. The
// processor does: a load or store behind the last byte kills the test. What lies before the first
// byte is readable up to the beginning of a page.
#pragma once

#include <sys/mman.h>

#include <algorithm>

#include "devmap/core/bytes.h"
#include "devmap/core/check.h"

namespace ebb::test {

class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t size) : size_(size), pages_((size / page + 1) * page) {
    void* const memory =
        ::mmap(nullptr, pages_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EBB_CHECK(memory != MAP_FAILED, "no memory for a test");
    memory_ = static_cast<std::byte*>(memory);
    EBB_CHECK(::mprotect(memory_ + pages_, page, PROT_NONE) == 0, "no guard for a test");
  }
  explicit GuardedBytes(Bytes from) : GuardedBytes(from.size()) {
    std::copy(from.begin(), from.end(), view().begin());
  }
  ~GuardedBytes() { ::munmap(memory_, pages_ + page); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  MutableBytes view() { return {memory_ + pages_ - size_, size_}; }

 private:
  static constexpr std::size_t page = 4096;
  std::size_t size_;
  std::size_t pages_;
  std::byte* memory_ = nullptr;
};

}  // namespace ebb::test
