// SPDX-License-Identifier: Apache-2.0
// pack_rewrite.h - a pack once more with only the records that are needed.
//
// Records are copied sealed as they lie, each checked by its CRC and name, into a pack of the same
// data key; their seals hold, for they bind the repository and the name and not the pack. The old
// pack is not touched.
#pragma once

#include "engine/flow/pack_census.h"
#include "engine/repo/pack_writer.h"

namespace ebb {

struct RewriteWorld {
  Repository& repository;
  Workers& workers;
  PackMemory& memory;
};

// The length of the new pack, which is published and found in the index. It survives a power loss
// only once the folder of packs is synced. Damaged, and nothing is published, when a needed record
// is.
Result<ByteCount> rewrite_pack(const RewriteWorld& world, const PackCensus& census);

}  // namespace ebb
