// SPDX-License-Identifier: Apache-2.0
// made_volume.h - a volume made up for measuring: 60 % full, the rest zero.
//
// Full and empty parts of 4 MiB lie in turn as files and free space do; the empty ones are not
// written, so they stay holes where the medium has holes.
#pragma once

#include <vector>

#include "engine/measure/figure.h"
#include "engine/uring/loop.h"

namespace ebb {

// The full parts of a volume of `size` bytes, in order.
std::vector<ByteRun> full_parts(ByteCount size);
ByteCount full_bytes(ByteCount size);

// Fills them; the medium reads as zero elsewhere. It is synced when this returns. `memory` is
// aligned and as long as one part (made_volume_memory).
inline constexpr ByteCount made_volume_memory = 4_MiB;
Result<void> make_volume(const StopFlag& stop, Loop& loop, Medium& medium, ByteCount size,
                         std::uint64_t seed, MutableBytes memory);

}  // namespace ebb
