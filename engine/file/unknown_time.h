// SPDX-License-Identifier: Apache-2.0
// unknown_time.h - what is told of the time of a file that cannot be looked at: later than any that
// a file has, so that it is young wherever that matters.
#pragma once

#include "devmap/core/clock.h"

namespace ebb {

inline constexpr WallTime unknown_time{9'000'000'000'000'000'000};

}  // namespace ebb
