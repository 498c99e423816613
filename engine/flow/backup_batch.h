// SPDX-License-Identifier: Apache-2.0
// backup_batch.h - up to 1 MiB of a device on its way into a repository, and what workers do to it.
//
// Its blocks come in order, from one place or, where only some are read, from several, so that the
// lanes of a digest are full and a question to the repository is worth asking in either case.
//
// A batch is owned by the kernel, a worker or the I/O thread, never by two; what it is waiting for
// is its state. The functions below touch nothing but the batch and the worker's own tools, so they
// run on any thread. It does not know the window it is part of.
#pragma once

#include <vector>

#include "devmap/geometry.h"
#include "engine/flow/batch_read.h"
#include "engine/flow/extent_sink.h"
#include "engine/stage/compress.h"
#include "engine/stage/fingerprint.h"
#include "engine/stage/seal.h"

namespace ebb {

// Fields are grouped by who writes them.
struct BackupBatch {
  enum class State {
    free,
    under_way,  // With the kernel, a worker, or the sink; the callback sets what follows.
    read,       // The bytes are there.
    fingerprinted,
    looked_up,
    compressed,  // Ready to be sealed, or there is nothing to seal.
    sealed,      // In the sink's room.
  };
  struct BlockState {
    BlockIndex at;
    Fingerprint print;  // Zero for a zero block.
    Fingerprint base;   // What the base point has here.
    bool ship = false;
    std::uint32_t packed = 0;  // Bytes in `scratch`; 0: stored plain.
    std::size_t packed_at = 0;
  };

  State state = State::free;
  std::uint64_t sequence = 0;
  std::vector<BlockRun> runs;  // In order; their bytes lie in `plain` one after the other.
  bool is_skipped = false;     // One run, that counts as zero and is not read; of any length.
  bool claimed = false;
  Compression packing;  // What its blocks are packed with, where that pays.

  MutableBytes plain;
  MutableBytes scratch;
  std::vector<BlockState> block;     // Of the runs, one after the other.
  std::vector<Bytes> views;          // For one call of the fingerprinter.
  std::vector<Fingerprint> printed;  // Likewise.

  std::vector<Fingerprint> asked;
  std::vector<std::uint8_t> known;
  std::vector<std::size_t> asked_of;  // Which block each question is about.

  ShipRoom room;
  std::vector<TableEntry> entries;

  std::size_t count() const { return block.size(); }
  // Only the last block of a device is shorter than the others.
  Bytes plain_of(std::size_t i, const BlockGrid& grid) const {
    return plain.subspan(i * grid.block().bytes().size(),
                         grid.bytes_of(block[i].at).length().size());
  }
};

// Which blocks are zero, and the fingerprints of the others in one call, so that the lanes of the
// digest are full.
void fingerprint(BackupBatch& batch, const BlockGrid& grid, Fingerprinter& fingerprinter);

// Packs the blocks that are to be shipped into `scratch`, where that makes them smaller.
void compress(BackupBatch& batch, const BlockGrid& grid, Compressor& compressor);

// What a batch's records take in a pack.
struct RecordsNeeded {
  ByteCount bytes;
  std::uint64_t records = 0;
};
RecordsNeeded records_needed(const BackupBatch& batch, const BlockGrid& grid);

struct Sealing {
  const RecordCipher& cipher;  // Of a key that is used in this run only.
  RepositoryId repository;
};
// Seals what is to be shipped into the batch's room; fills `entries`.
Result<void> seal(BackupBatch& batch, const BlockGrid& grid, const Sealing& sealing);

}  // namespace ebb
