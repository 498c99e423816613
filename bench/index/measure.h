// SPDX-License-Identifier: Apache-2.0
// measure.h - what is measured of an engine that holds the index. Each prints one line an event.
//
// A fill goes on where the last one ended, so a large one can be done in legs. What is in the index
// is known from how many packs it names.
#pragma once

#include <string>

#include "bench/index/engines.h"
#include "bench/index/made_up_records.h"

namespace ebb::bench {

struct Subject {
  Engine engine = Engine::rocksdb;
  std::string name;    // Of the engine, for print.
  std::string folder;  // Of the index.
  MadeUpRecords records;
  double seconds = 200;       // The longest that one measurement goes on.
  std::uint64_t entries = 0;  // To look up; 0: as many as the packs say.
};

// Adds packs until there are `entries`, or the time is up.
Result<void> measure_fill(const Subject& subject, std::uint64_t entries);

enum class CacheState { cold, warm };
// Batches of 16 names, half of them absent, as a backup asks. Any wrong answer is an error.
Result<void> measure_look_up(const Subject& subject, CacheState cache, IndexAccess access);

// A reader looks up while a writer in another process adds packs.
Result<void> measure_reader_beside_writer(const Subject& subject);

// A writer is killed while it adds packs; then the index is opened and looked through.
Result<void> measure_kill(const Subject& subject);

}  // namespace ebb::bench
