// SPDX-License-Identifier: Apache-2.0
// arena.h - the memory of one run: made at the start, cut into buffers, given back as a whole.
//
// Its size is the bound on a run's memory and, through the buffers cut from it, the back-pressure.
// Every buffer is aligned for direct I/O. When a Ring is given, it knows the buffers. What a run
// does not use of them is never touched, so a small run costs little.
#pragma once

#include <memory>

#include "engine/uring/ring.h"

namespace ebb {

class Arena {
 public:
  // `ring` may be null (memory devices). Otherwise it outlives the arena, one arena at a time.
  static Result<std::unique_ptr<Arena>> make(ByteCount size, Ring* ring);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // For a run that will use all of it, before it does: fewer pages to map and to pin, and more is
  // touched at a time.
  void use_huge_pages();
  // The next `size` bytes, rounded up to the I/O alignment. Asking for more than is left is a bug:
  // whoever makes the arena knows what will be cut from it.
  MutableBytes take(ByteCount size);

 private:
  Arena(MutableBytes region, Ring* ring) : region_(region), ring_(ring) {}
  MutableBytes region_;
  std::size_t taken_ = 0;
  Ring* ring_;
};

}  // namespace ebb
