// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/pack_format.h"

#include "engine/stage/checksum.h"

namespace ebb {

namespace {

constexpr std::uint64_t tail_alignment = 4096;

bool known_use(std::uint8_t use) {
  return use == static_cast<std::uint8_t>(PackUse::repository) ||
         use == static_cast<std::uint8_t>(PackUse::difference);
}

template <class T>
T twin_of(Bytes bytes) {
  T twin;
  std::memcpy(&twin, bytes.data(), sizeof twin);
  return twin;
}

}  // namespace

static_assert(round_up(sizeof(TailHeaderOnDisk) +
                           8ull * (max_pack_chunks + max_pack_parity * pack_stripes) +
                           sizeof(TailEndOnDisk),
                       tail_alignment) <= max_tail_length.value());

PackHeaderOnDisk to_disk(const PackHeader& header) {
  PackHeaderOnDisk disk{};
  disk.magic = pack_magic;
  disk.version = Le16(pack_version);
  disk.use = static_cast<std::uint8_t>(header.use);
  disk.repository = header.repository.bytes;
  disk.pack = header.pack.bytes;
  disk.data_key = header.data_key.bytes;
  disk.crc = Le64(crc64(bytes_of_struct(disk).first(offsetof(PackHeaderOnDisk, crc))));
  return disk;
}

Result<PackHeader> unpack_pack_header(Bytes bytes) {
  if (bytes.size() < sizeof(PackHeaderOnDisk)) {
    return fail(Error::damaged("the pack's header is cut short"));
  }
  const auto disk = twin_of<PackHeaderOnDisk>(bytes);
  if (disk.magic != pack_magic) return fail(Error::damaged("this is no pack"));
  if (crc64(bytes.first(offsetof(PackHeaderOnDisk, crc))) != disk.crc.value()) {
    return fail(Error::damaged("the checksum of the pack's header is wrong"));
  }
  if (disk.version.value() != pack_version) {
    return fail(
        Error::invalid("a pack of version {}, which this ebb does not know", disk.version.value()));
  }
  if (!known_use(disk.use) || !all_zero(std::as_bytes(std::span(disk.reserved))) ||
      !all_zero(std::as_bytes(std::span(disk.reserved2)))) {
    return fail(Error::damaged("reserved bytes of the pack's header are in use"));
  }
  return PackHeader{static_cast<PackUse>(disk.use), RepositoryId{disk.repository},
                    PackId{disk.pack}, DataKeyId{disk.data_key}};
}

void put_record_header(const RecordHeader& header, Bytes payload, MutableBytes room) {
  RecordHeaderOnDisk disk{};
  disk.magic = record_magic;
  disk.kind = static_cast<std::uint8_t>(header.kind);
  disk.codec = static_cast<std::uint8_t>(header.codec);
  disk.plain_length = Le32(header.plain_length);
  disk.stored_length = Le32(header.stored_length);
  disk.counter = Le64(header.counter);
  disk.name = header.name.bytes;
  disk.crc =
      Le64(crc64(payload, crc64(bytes_of_struct(disk).first(offsetof(RecordHeaderOnDisk, crc)))));
  std::memcpy(room.data(), &disk, sizeof disk);
}

Result<Record> unpack_record(Bytes bytes) {
  if (bytes.size() < sizeof(RecordHeaderOnDisk)) {
    return fail(Error::damaged("the record is cut short"));
  }
  const auto disk = twin_of<RecordHeaderOnDisk>(bytes);
  const std::uint64_t stored = disk.stored_length.value();
  if (disk.magic != record_magic) return fail(Error::damaged("no record begins here"));
  if (stored > max_stored_record.value() || stored > bytes.size() - sizeof disk) {
    return fail(Error::damaged("the record's length is wrong"));
  }
  const Bytes payload = bytes.subspan(sizeof disk, stored);
  if (crc64(payload, crc64(bytes.first(offsetof(RecordHeaderOnDisk, crc)))) != disk.crc.value()) {
    return fail(Error::damaged("the record's checksum is wrong"));
  }
  const bool is_block = disk.kind == static_cast<std::uint8_t>(RecordKind::block);
  const bool known = disk.kind >= 1 && disk.kind <= 3 && disk.codec <= 2 &&
                     disk.reserved.value() == 0 &&
                     disk.plain_length.value() <= max_stored_record.value();
  const bool clear = disk.codec == 0 && disk.counter.value() == 0 &&
                     disk.plain_length.value() == disk.stored_length.value();
  if (!known || (!is_block && !clear))
    return fail(Error::damaged("the record's header makes no sense"));
  return Record{RecordHeader{static_cast<RecordKind>(disk.kind), static_cast<Codec>(disk.codec),
                             disk.plain_length.value(), disk.stored_length.value(),
                             disk.counter.value(), RecordName{disk.name}},
                payload};
}

ByteCount PackTail::length() const {
  return ByteCount(round_up(sizeof(TailHeaderOnDisk) + 8ull * all_chunks() + sizeof(TailEndOnDisk),
                            tail_alignment));
}

ByteIndex PackTail::chunk_at(std::uint32_t chunk) const {
  if (chunk < data_chunks) return ByteIndex(0) + pack_chunk * chunk;
  return parity_at() + pack_chunk * (chunk - data_chunks);
}

ByteVector to_disk(const PackTail& tail) {
  TailHeaderOnDisk header{};
  header.magic = tail_magic;
  header.version = Le16(pack_version);
  header.use = static_cast<std::uint8_t>(tail.use);
  header.parity_rows = static_cast<std::uint8_t>(tail.rows);
  header.data_chunks = Le32(tail.data_chunks);
  header.table_at = Le32(tail.table_at);
  header.record_count = Le32(tail.record_count);
  header.table_crc = Le64(tail.table_crc);
  header.pack = tail.pack.bytes;
  ByteVector bytes = copy_of(bytes_of_struct(header));
  for (const std::uint64_t crc : tail.chunk_crcs) append(bytes, bytes_of_struct(Le64(crc)));
  bytes.resize(tail.length().size() - sizeof(TailEndOnDisk));
  TailEndOnDisk end{Le32(static_cast<std::uint32_t>(tail.length().value())), tail_end_magic,
                    Le64(0)};
  append(bytes, bytes_of_struct(end).first(offsetof(TailEndOnDisk, crc)));
  append(bytes, bytes_of_struct(Le64(crc64(bytes))));
  return bytes;
}

Result<ByteCount> tail_length_from_end(Bytes last_bytes) {
  if (last_bytes.size() != sizeof(TailEndOnDisk)) {
    return fail(Error::damaged("the pack's end is cut short"));
  }
  const auto end = twin_of<TailEndOnDisk>(last_bytes);
  const ByteCount length(end.tail_length.value());
  if (end.magic != tail_end_magic || length.none() || length > max_tail_length ||
      length.value() % tail_alignment != 0) {
    return fail(Error::damaged("no tail ends here"));
  }
  return length;
}

Result<PackTail> unpack_tail(Bytes bytes) {
  if (bytes.size() < sizeof(TailHeaderOnDisk)) return fail(Error::damaged("the tail is cut short"));
  const auto header = twin_of<TailHeaderOnDisk>(bytes);
  if (header.magic != tail_magic) return fail(Error::damaged("no tail begins here"));
  PackTail tail;
  tail.data_chunks = header.data_chunks.value();
  tail.rows = header.parity_rows;
  if (tail.data_chunks == 0 || tail.data_chunks > max_pack_chunks ||
      tail.rows != parity_rows(tail.data_chunks) || bytes.size() < tail.length().size()) {
    return fail(Error::damaged("the tail's numbers make no sense"));
  }
  const Bytes whole = bytes.first(tail.length().size());
  const auto end = twin_of<TailEndOnDisk>(whole.last(sizeof(TailEndOnDisk)));
  if (end.crc.value() != crc64(whole.first(whole.size() - sizeof(Le64)))) {
    return fail(Error::damaged("the tail's checksum is wrong"));
  }
  if (header.version.value() != pack_version) {
    return fail(Error::invalid("a pack of version {}, which this ebb does not know",
                               header.version.value()));
  }
  const std::size_t crcs_end = sizeof header + 8ull * tail.all_chunks();
  tail.use = static_cast<PackUse>(header.use);
  tail.pack = PackId{header.pack};
  tail.table_at = header.table_at.value();
  tail.record_count = header.record_count.value();
  tail.table_crc = header.table_crc.value();
  const std::uint64_t table_end =
      tail.table_at + std::uint64_t{tail.record_count} * sizeof(TableEntryOnDisk);
  if (!known_use(header.use) || !all_zero(std::as_bytes(std::span(header.reserved))) ||
      end.magic != tail_end_magic || end.tail_length.value() != tail.length().value() ||
      tail.record_count > max_records_in_pack || table_end > tail.data_length().value() ||
      !all_zero(whole.subspan(crcs_end, whole.size() - sizeof(TailEndOnDisk) - crcs_end))) {
    return fail(Error::damaged("the tail's numbers make no sense"));
  }
  tail.chunk_crcs.reserve(tail.all_chunks());
  for (std::uint32_t i = 0; i < tail.all_chunks(); ++i) {
    tail.chunk_crcs.push_back(twin_of<Le64>(whole.subspan(sizeof header + 8ull * i)).value());
  }
  return tail;
}

Result<std::vector<TableEntry>> unpack_table(const PackTail& tail, Bytes table) {
  if (table.size() != tail.record_count * sizeof(TableEntryOnDisk) ||
      crc64(table) != tail.table_crc) {
    return fail(Error::damaged("the checksum of the pack's table is wrong"));
  }
  std::vector<TableEntry> entries;
  entries.reserve(tail.record_count);
  for (std::uint32_t i = 0; i < tail.record_count; ++i) {
    const auto disk = twin_of<TableEntryOnDisk>(table.subspan(i * sizeof(TableEntryOnDisk)));
    const std::uint64_t end =
        std::uint64_t{disk.at.value()} + sizeof(RecordHeaderOnDisk) + disk.stored_length.value();
    if (disk.at.value() < sizeof(PackHeaderOnDisk) || end > tail.table_at) {
      return fail(Error::damaged("the pack's table points outside of it"));
    }
    entries.push_back({RecordName{disk.name}, disk.at.value(), disk.stored_length.value()});
  }
  return entries;
}

}  // namespace ebb
