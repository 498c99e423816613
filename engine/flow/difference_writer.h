// SPDX-License-Identifier: Apache-2.0
// difference_writer.h - exports what turns point A into point B as one file that carries itself.
//
// The file is packs, one after the other (docs/format/difference.md): first the small objects that
// open and prove B, then all pages of B's map, then the sealed blocks in which B differs from A.
// Blocks are copied as they lie in the repository; no key is needed.
#pragma once

#include "engine/flow/observer.h"
#include "engine/flow/repository_access.h"
#include "engine/flow/verify.h"
#include "engine/repo/pack_writer.h"

namespace ebb {

struct DifferenceReport {
  BlockCount blocks;  // That differ and are not zero.
  ByteCount bytes;    // Of the file.
};

struct DifferenceWorld {
  RepositoryAccess& repository;
  Loop& loop;
  Workers& workers;
  Arena& arena;  // difference_memory() is cut from it.
  Observer& observer;
  const StopFlag& stop;
};
constexpr ByteCount difference_memory() {
  return RecordWalk::memory() + PackMemory::total();
}

// Writes the file through `out`, a folder, under `name`; whole or not at all.
Result<DifferenceReport> export_difference(const DifferenceWorld& world, const SignedPoint& a,
                                           const SignedPoint& b, Files& out,
                                           const std::string& name);

}  // namespace ebb
