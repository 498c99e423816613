// SPDX-License-Identifier: Apache-2.0
#include "engine/flow/backup_batch.h"

#include "engine/stage/zero.h"

namespace ebb {

void fingerprint(BackupBatch& batch, const BlockGrid& grid, Fingerprinter& fingerprinter) {
  batch.views.clear();
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const Bytes plain = batch.plain_of(i, grid);
    if (!is_zero(plain)) batch.views.push_back(plain);
  }
  const std::span printed = std::span(batch.printed).first(batch.views.size());
  fingerprinter.fingerprint(batch.views, printed);
  std::size_t next = 0;
  for (std::size_t i = 0; i < batch.count() && next < batch.views.size(); ++i) {
    if (batch.plain_of(i, grid).data() == batch.views[next].data()) {
      batch.block[i].print = printed[next++];
    }
  }
}

void compress(BackupBatch& batch, const BlockGrid& grid, Compressor& compressor) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    BackupBatch::BlockState& block = batch.block[i];
    if (!block.ship) continue;
    const Bytes plain = batch.plain_of(i, grid);
    const auto packed = compressor.compress(plain, batch.scratch.subspan(used, plain.size()));
    block.packed = static_cast<std::uint32_t>(packed.value_or(0));
    block.packed_at = used;
    used += block.packed;
  }
}

RecordsNeeded records_needed(const BackupBatch& batch, const BlockGrid& grid) {
  RecordsNeeded needed;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const BackupBatch::BlockState& block = batch.block[i];
    if (!block.ship) continue;
    const std::size_t payload = block.packed > 0 ? block.packed : batch.plain_of(i, grid).size();
    needed.bytes += ByteCount(sizeof(RecordHeaderOnDisk) + payload + tag_size);
    ++needed.records;
  }
  return needed;
}

Result<void> seal(BackupBatch& batch, const BlockGrid& grid, const Sealing& sealing) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < batch.count(); ++i) {
    const BackupBatch::BlockState& block = batch.block[i];
    if (!block.ship) continue;
    const Bytes plain = batch.plain_of(i, grid);
    const Bytes payload =
        block.packed > 0 ? Bytes(batch.scratch.subspan(block.packed_at, block.packed)) : plain;
    RecordHeader header;
    header.kind = RecordKind::block;
    header.codec = block.packed > 0 ? batch.packing.codec : Codec::none;
    header.plain_length = static_cast<std::uint32_t>(plain.size());
    header.stored_length = static_cast<std::uint32_t>(payload.size() + tag_size);
    // Never used twice under this run's key: batches are counted, blocks in a batch too.
    header.counter = batch.sequence * limits::max_blocks_in_batch + i;
    header.name = record_name(block.print);
    const MutableBytes record =
        batch.room.bytes.subspan(used, sizeof(RecordHeaderOnDisk) + header.stored_length);
    const MutableBytes sealed = record.subspan(sizeof(RecordHeaderOnDisk));
    const RecordContext context{sealing.repository, block.print, header.plain_length, header.codec,
                                static_cast<std::uint8_t>(header.kind)};
    TRY(sealing.cipher.seal(payload, {header.counter}, context, sealed));
    put_record_header(header, sealed, record);
    batch.entries.push_back({header.name, static_cast<std::uint32_t>(used), header.stored_length});
    used += record.size();
  }
  return {};
}

}  // namespace ebb
