// SPDX-License-Identifier: Apache-2.0
// Any bytes as the parts of a pack: the parsers never crash, what they accept lies inside of the
// pack, and is packed again into the bytes that were read.
//
// Input: one byte of choices (bits 0-1: the part, bit 2: make its checksum right), then the part.
// For a table: a tail, then the table.
#include <cstring>

#include "devmap/core/check.h"
#include "engine/repo/pack_format.h"
#include "engine/stage/checksum.h"

namespace {

using namespace ebb;

// Puts the CRC-64 of bytes [0, at) and [at + 8, end) at `at`.
void mend_crc(ByteVector& bytes, std::size_t at, std::size_t end) {
  if (at + 8 > end || end > bytes.size()) return;
  const Bytes all = bytes;
  const Le64 crc(crc64(all.subspan(at + 8, end - at - 8), crc64(all.first(at))));
  std::memcpy(bytes.data() + at, &crc, sizeof crc);
}

void try_header(ByteVector bytes, bool mend) {
  constexpr std::size_t at = offsetof(PackHeaderOnDisk, crc);
  if (mend) mend_crc(bytes, at, sizeof(PackHeaderOnDisk));
  const auto header = unpack_pack_header(bytes);
  if (!header) return;
  const PackHeaderOnDisk again = to_disk(*header);
  EBB_CHECK(same_bytes(bytes_of_struct(again), Bytes(bytes).first(sizeof again)), "it changes");
}

void try_record(ByteVector bytes, bool mend) {
  if (mend && bytes.size() >= sizeof(RecordHeaderOnDisk)) {
    RecordHeaderOnDisk disk;
    std::memcpy(&disk, bytes.data(), sizeof disk);
    mend_crc(bytes, offsetof(RecordHeaderOnDisk, crc),
             sizeof disk + std::size_t{disk.stored_length.value()});
  }
  const auto record = unpack_record(bytes);
  if (!record) return;
  EBB_CHECK(record->payload.size() == record->header.stored_length, "a payload of another length");
  std::array<std::byte, sizeof(RecordHeaderOnDisk)> again;
  put_record_header(record->header, record->payload, again);
  EBB_CHECK(same_bytes(again, Bytes(bytes).first(again.size())), "a record changes");
}

void try_tail(ByteVector bytes, bool mend) {
  if (mend && bytes.size() >= sizeof(TailHeaderOnDisk)) {
    TailHeaderOnDisk header;
    std::memcpy(&header, bytes.data(), sizeof header);
    PackTail shape;
    shape.data_chunks = header.data_chunks.value() % (max_pack_chunks + 1);
    shape.rows = header.parity_rows;
    const std::size_t length = shape.length().size();
    if (length <= 65536) {
      bytes.resize(std::max(bytes.size(), length));
      const TailEndOnDisk end{Le32(static_cast<std::uint32_t>(length)), tail_end_magic, Le64(0)};
      std::memcpy(bytes.data() + length - sizeof end, &end, sizeof end);
      mend_crc(bytes, length - sizeof(Le64), length);
    }
  }
  auto tail = unpack_tail(bytes);
  if (bytes.size() >= sizeof(TailEndOnDisk)) {
    (void)tail_length_from_end(Bytes(bytes).last(sizeof(TailEndOnDisk)));
  }
  if (!tail) return;
  const ByteVector again = to_disk(*tail);
  EBB_CHECK(same_bytes(again, Bytes(bytes).first(again.size())), "a tail changes");
  EBB_CHECK(tail->chunk_crcs.size() == tail->all_chunks(), "chunks without a checksum");
  EBB_CHECK(tail->length() <= max_tail_length, "a tail beyond its bound");
  EBB_CHECK(tail->chunk_at(tail->all_chunks() - 1) + pack_chunk == tail->second_tail_at(),
            "the last chunk lies elsewhere");

  const std::size_t table_size = std::size_t{tail->record_count} * sizeof(TableEntryOnDisk);
  ByteVector table(bytes.begin() + static_cast<std::ptrdiff_t>(again.size()), bytes.end());
  if (mend) {
    table.resize(table_size);
    tail->table_crc = crc64(table);
  }
  const auto entries = unpack_table(*tail, table);
  if (!entries) return;
  EBB_CHECK(entries->size() == tail->record_count, "entries are lost");
  for (const TableEntry& entry : *entries) {
    EBB_CHECK(std::uint64_t{entry.at} + sizeof(RecordHeaderOnDisk) + entry.stored_length <=
                  tail->data_length().value(),
              "a record outside of the pack");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes rest = std::as_bytes(std::span(data, size)).subspan(1);
  const bool mend = (data[0] & 4) != 0;
  switch (data[0] & 3) {
    case 0: try_header(copy_of(rest), mend); break;
    case 1: try_record(copy_of(rest), mend); break;
    default: try_tail(copy_of(rest), mend);
  }
  return 0;
}
