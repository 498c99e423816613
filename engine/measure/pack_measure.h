// SPDX-License-Identifier: Apache-2.0
// pack_measure.h - how fast packs are written: checksums, parity, sync and rename included.
//
// Records of 64 KiB of noise go into packs by the PackWriter that backups use, two packs at a time;
// each is removed once it is published. Sealing is not in it.
#pragma once

#include "devmap/core/random.h"
#include "engine/buffer/arena.h"
#include "engine/file/files.h"
#include "engine/measure/figure.h"

namespace ebb {

// What lies in the folder at any time is not more than this.
ByteCount pack_measure_room();
// Makes files in the root of `files`. The memory of its packs is cut from `arena`
// (PackMemory::total()). Figure: bytes of records; operations are packs.
Result<Figure> measure_packs(const MeasureWorld& world, Files& files, Loop& loop, Workers& workers,
                             Arena& arena, Random& random);

}  // namespace ebb
