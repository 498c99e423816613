// SPDX-License-Identifier: Apache-2.0
// pack_format.h - the twins of a pack's parts on disk. docs/format/pack.md is the reference.
//
//   header | records ... | table | zeroes | tail | parity | tail again
//   '------- data chunks of 16 KiB -------'        '- 65 or 130 chunks -'
//
// Everything before the first tail is cut into chunks; each chunk has a CRC-64 in the tail, and
// chunk i belongs to stripe i mod 65. A run of 1 MiB touches at most 65 chunks, so at most one of
// each stripe, and one parity chunk per stripe mends it. Larger packs carry two.
#pragma once

#include <array>

#include "devmap/core/endian.h"
#include "devmap/core/limits.h"
#include "engine/repo/ids.h"

namespace ebb {

inline constexpr std::uint16_t pack_version = 1;

inline constexpr ByteCount pack_chunk = 16_KiB;
inline constexpr std::uint32_t pack_stripes = 65;           // Chunks that a run of 1 MiB can touch.
inline constexpr std::uint32_t pack_chunks_in_stripe = 64;  // Of data, in the widest stripe.
inline constexpr std::uint32_t max_pack_parity = 2;
inline constexpr std::uint32_t max_pack_chunks = pack_stripes * pack_chunks_in_stripe;
inline constexpr ByteCount max_pack_data = pack_chunk * max_pack_chunks;
inline constexpr std::uint32_t max_records_in_pack = 32768;
inline constexpr ByteCount max_stored_record = limits::max_block_size + 1_KiB;

static_assert(pack_chunk * (pack_stripes - 1) >= 1_MiB, "a run of 1 MiB, aligned anyhow");

// How many parity rows a pack of so many data chunks carries: some 3 % of its size, and at least
// one, which a run of 1 MiB needs.
constexpr std::uint32_t parity_rows(std::uint32_t data_chunks) {
  return data_chunks > max_pack_chunks / 4 * 3 ? 2 : 1;
}

enum class PackUse : std::uint8_t { repository = 1, difference = 2 };

struct PackHeaderOnDisk {
  std::array<char, 8> magic;
  Le16 version;
  std::uint8_t use;
  std::array<std::uint8_t, 5> reserved;
  std::array<std::byte, 16> repository;
  std::array<std::byte, 16> pack;
  std::array<std::byte, 16> data_key;
  std::array<std::uint8_t, 56> reserved2;
  Le64 crc;  // Of everything before it.
};
static_assert(sizeof(PackHeaderOnDisk) == 128 && alignof(PackHeaderOnDisk) == 1);
inline constexpr std::array<char, 8> pack_magic{'E', 'B', 'B', 'P', 'A', 'C', 'K', '1'};

struct RecordHeaderOnDisk {
  std::array<char, 4> magic;
  std::uint8_t kind;   // RecordKind
  std::uint8_t codec;  // Codec
  Le16 reserved;
  Le32 plain_length;
  Le32 stored_length;  // Of the payload that follows: ciphertext and tag, or clear bytes.
  Le64 counter;        // The nonce; 0 for what is not sealed.
  std::array<std::byte, 32> name;
  Le64 crc;  // Of everything before it, then the payload.
};
static_assert(sizeof(RecordHeaderOnDisk) == 64 && alignof(RecordHeaderOnDisk) == 1);
inline constexpr std::array<char, 4> record_magic{'E', 'B', 'B', 'R'};

struct TableEntryOnDisk {
  std::array<std::byte, 32> name;
  Le32 at;
  Le32 stored_length;
};
static_assert(sizeof(TableEntryOnDisk) == 40 && alignof(TableEntryOnDisk) == 1);

struct TailHeaderOnDisk {
  std::array<char, 8> magic;
  Le16 version;
  std::uint8_t use;
  std::uint8_t parity_rows;
  Le32 data_chunks;
  Le32 table_at;
  Le32 record_count;
  Le64 table_crc;
  std::array<std::byte, 16> pack;
  std::array<std::uint8_t, 16> reserved;
  // Then one Le64 CRC for each data chunk and each parity chunk, zeroes, and TailEndOnDisk.
};
static_assert(sizeof(TailHeaderOnDisk) == 64 && alignof(TailHeaderOnDisk) == 1);
inline constexpr std::array<char, 8> tail_magic{'E', 'B', 'B', 'T', 'A', 'I', 'L', '1'};

struct TailEndOnDisk {
  Le32 tail_length;  // A multiple of 4 KiB.
  std::array<char, 4> magic;
  Le64 crc;  // Of the tail up to here.
};
static_assert(sizeof(TailEndOnDisk) == 16 && alignof(TailEndOnDisk) == 1);
inline constexpr std::array<char, 4> tail_end_magic{'T', 'A', 'I', 'L'};

// ---- The same, parsed and checked; the only parsers of these bytes. ----

struct PackHeader {
  PackUse use = PackUse::repository;
  RepositoryId repository;
  PackId pack;
  DataKeyId data_key;
};
PackHeaderOnDisk to_disk(const PackHeader& header);
Result<PackHeader> unpack_pack_header(Bytes bytes);

struct RecordHeader {
  RecordKind kind = RecordKind::block;
  Codec codec = Codec::none;
  std::uint32_t plain_length = 0;
  std::uint32_t stored_length = 0;
  std::uint64_t counter = 0;
  RecordName name;
};
// Writes the header, with its CRC over `payload`, into the first 64 bytes of `room`.
void put_record_header(const RecordHeader& header, Bytes payload, MutableBytes room);
struct Record {
  RecordHeader header;
  Bytes payload;
};
// `bytes` begins with a record's header and holds at least the whole record. Checks the CRC.
Result<Record> unpack_record(Bytes bytes);

struct TableEntry {
  RecordName name;
  std::uint32_t at = 0;
  std::uint32_t stored_length = 0;
};

// Where the parts of a pack lie and what each chunk's CRC is.
struct PackTail {
  PackUse use = PackUse::repository;
  PackId pack;
  std::uint32_t data_chunks = 0;
  std::uint32_t rows = 1;
  std::uint32_t table_at = 0;
  std::uint32_t record_count = 0;
  std::uint64_t table_crc = 0;
  std::vector<std::uint64_t> chunk_crcs;  // Data chunks, then parity chunks.

  std::uint32_t parity_chunks() const { return rows * pack_stripes; }
  std::uint32_t all_chunks() const { return data_chunks + parity_chunks(); }
  ByteCount length() const;  // Of one copy of the tail on disk.
  ByteCount data_length() const { return pack_chunk * data_chunks; }
  ByteIndex first_tail_at() const { return ByteIndex(0) + data_length(); }
  ByteIndex parity_at() const { return first_tail_at() + length(); }
  ByteIndex second_tail_at() const { return parity_at() + pack_chunk * parity_chunks(); }
  ByteCount file_length() const { return (second_tail_at() + length()) - ByteIndex(0); }
  // Chunks are numbered over data and then parity.
  ByteIndex chunk_at(std::uint32_t chunk) const;
};
ByteVector to_disk(const PackTail& tail);
// Parses a tail that begins at bytes[0]; `bytes` may be longer than the tail.
Result<PackTail> unpack_tail(Bytes bytes);
// The length of the tail that ends with these last 16 bytes of a pack.
Result<ByteCount> tail_length_from_end(Bytes last_bytes);
inline constexpr ByteCount max_tail_length = 48_KiB;

Result<std::vector<TableEntry>> unpack_table(const PackTail& tail, Bytes table);

}  // namespace ebb
