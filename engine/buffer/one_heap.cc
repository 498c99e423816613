// SPDX-License-Identifier: Apache-2.0
#include "engine/buffer/one_heap.h"

#include <malloc.h>

namespace ebb {

void use_one_heap() {
  static_cast<void>(::mallopt(M_ARENA_MAX, 1));  // Another malloc may not know it.
}

}  // namespace ebb
