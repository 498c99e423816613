// SPDX-License-Identifier: Apache-2.0
// damage.h - damage as data: what cannot be read, and which blocks of which point need it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/repo/ids.h"

namespace ebb {

struct Damage {
  std::string what;                  // One sentence.
  std::optional<RecordPlace> place;  // Where it lies, if it lies anywhere.
  BlockRun blocks;                   // Of the volume; empty when it is not about blocks.
};

}  // namespace ebb
