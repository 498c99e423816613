// SPDX-License-Identifier: Apache-2.0
// breathe.h - how long work on the I/O thread lets others of that thread have their turn.
#pragma once

#include <functional>

#include "devmap/core/result.h"

namespace ebb {

// Called every few milliseconds where work goes on without waiting for anything. Others may do
// whatever they like meanwhile but prune, collect or scrub. None: nobody is there.
using Breathe = std::function<Result<void>()>;
// Names that are looked up between two breaths.
inline constexpr std::size_t names_in_one_breath = 256;

}  // namespace ebb
