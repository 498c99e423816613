// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/pack_format.h"

#include <gtest/gtest.h>

#include "engine/stage/checksum.h"
#include "tests/support/flips.h"

namespace ebb {
namespace {

template <class T>
ByteVector bytes_on_disk(const T& twin) {
  return copy_of(bytes_of_struct(twin));
}

// `value` at `at`, and the CRC-64 at `crc_at` right again: nonsense that no accident makes.
ByteVector forged(ByteVector bytes, std::size_t at, int value, std::size_t crc_at) {
  bytes[at] = static_cast<std::byte>(value);
  const Le64 crc(crc64(Bytes(bytes).first(crc_at)));
  std::memcpy(bytes.data() + crc_at, &crc, sizeof crc);
  return bytes;
}

PackHeader random_header(Random& random) {
  return {random.below(2) == 0 ? PackUse::repository : PackUse::difference,
          random.name<RepositoryId>(), random.name<PackId>(), random.name<DataKeyId>()};
}

TEST(PackHeader, IsUnpackedAsItWasPackedAndFlipsAreDamage) {
  const auto random = test::test_random();
  for (int i = 0; i < 20; ++i) {
    const PackHeader header = random_header(*random);
    const ByteVector bytes = bytes_on_disk(to_disk(header));
    const auto again = unpack_pack_header(bytes);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(bytes_on_disk(to_disk(*again)), bytes);
    EXPECT_EQ(again->pack, header.pack);
    EXPECT_EQ(again->use, header.use);
    test::for_every_flipped_byte(*random, bytes, [&](Bytes flipped, std::size_t at) {
      const auto parsed = unpack_pack_header(flipped);
      ASSERT_FALSE(parsed) << at;
      EXPECT_EQ(parsed.error().kind(), ErrorKind::damaged) << at;
    });
  }
}

TEST(PackHeader, WhatIsNotKnownIsRefused) {
  const ByteVector bytes = bytes_on_disk(to_disk(PackHeader{}));
  const std::size_t crc = offsetof(PackHeaderOnDisk, crc);
  EXPECT_EQ(unpack_pack_header(forged(bytes, 8, 2, crc)).error().kind(), ErrorKind::invalid);
  EXPECT_FALSE(unpack_pack_header(forged(bytes, 10, 0, crc)));  // Use.
  EXPECT_FALSE(unpack_pack_header(forged(bytes, 10, 3, crc)));
  for (std::size_t at = 11; at < 16; ++at) {
    EXPECT_FALSE(unpack_pack_header(forged(bytes, at, 1, crc)));
  }
  for (std::size_t at = 64; at < crc; ++at) {
    EXPECT_FALSE(unpack_pack_header(forged(bytes, at, 1, crc)));
  }
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_FALSE(unpack_pack_header(Bytes(bytes).first(n)));
  }
}

ByteVector packed(const RecordHeader& header, Random& random) {
  ByteVector bytes(sizeof(RecordHeaderOnDisk) + header.stored_length);
  random.fill(bytes);
  put_record_header(header, Bytes(bytes).subspan(sizeof(RecordHeaderOnDisk)), bytes);
  return bytes;
}

ByteVector random_record(Random& random, std::size_t payload) {
  const auto length = static_cast<std::uint32_t>(payload);
  RecordHeader header{static_cast<RecordKind>(1 + random.below(3)),
                      Codec::none,
                      length,
                      length,
                      0,
                      random.name<RecordName>()};
  if (header.kind == RecordKind::block) {
    header.codec = static_cast<Codec>(random.below(3));
    header.plain_length = static_cast<std::uint32_t>(random.below(1 << 20));
    header.counter = random.next_u64();
  }
  return packed(header, random);
}

TEST(PackRecord, WhatIsInClearIsNeitherPackedNorSealed) {
  const auto random = test::test_random();
  for (const RecordKind kind : {RecordKind::page, RecordKind::object}) {
    const RecordHeader good{kind, Codec::none, 10, 10, 0, {}};
    EXPECT_TRUE(unpack_record(packed(good, *random)));
    RecordHeader bad = good;
    bad.codec = Codec::lz4;
    EXPECT_FALSE(unpack_record(packed(bad, *random)));
    bad = good;
    bad.plain_length = 11;
    EXPECT_FALSE(unpack_record(packed(bad, *random)));
    bad = good;
    bad.counter = 1;
    EXPECT_FALSE(unpack_record(packed(bad, *random)));
  }
}

TEST(PackRecord, IsUnpackedAsItWasPackedAndFlipsAreDamage) {
  const auto random = test::test_random();
  for (const std::size_t payload : {0u, 1u, 16u, 500u, 4112u}) {
    ByteVector bytes = random_record(*random, payload);
    const auto record = unpack_record(bytes);
    ASSERT_TRUE(record) << record.error().text();
    EXPECT_EQ(record->payload.size(), payload);
    ByteVector again(sizeof(RecordHeaderOnDisk));
    put_record_header(record->header, record->payload, again);
    EXPECT_TRUE(same_bytes(again, Bytes(bytes).first(again.size())));
    test::for_every_flipped_byte(*random, bytes, [&](Bytes flipped, std::size_t at) {
      EXPECT_FALSE(unpack_record(flipped)) << at;
    });
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_FALSE(unpack_record(Bytes(bytes).first(n))) << n;
    }
    append(bytes, bytes_of("what comes after it"));
    EXPECT_TRUE(unpack_record(bytes));
  }
}

TEST(PackRecord, LengthsBeyondTheirBoundsAreRefused) {
  const auto random = test::test_random();
  const std::size_t most = max_stored_record.size();
  EXPECT_TRUE(unpack_record(random_record(*random, most)));
  EXPECT_FALSE(unpack_record(random_record(*random, most + 1)));
  ByteVector huge = random_record(*random, 16);
  for (std::size_t i = 12; i < 16; ++i) huge[i] = std::byte{0xff};
  EXPECT_FALSE(unpack_record(huge));
}

PackTail random_tail(Random& random) {
  PackTail tail;
  tail.use = PackUse::repository;
  tail.pack = random.name<PackId>();
  tail.data_chunks = 1 + static_cast<std::uint32_t>(random.below(max_pack_chunks));
  tail.rows = parity_rows(tail.data_chunks);
  tail.record_count = static_cast<std::uint32_t>(random.below(200));
  tail.table_at = static_cast<std::uint32_t>(tail.data_length().value() -
                                             sizeof(TableEntryOnDisk) * tail.record_count);
  tail.table_crc = random.next_u64();
  for (std::uint32_t i = 0; i < tail.all_chunks(); ++i) {
    tail.chunk_crcs.push_back(random.next_u64());
  }
  return tail;
}

TEST(PackTail, IsUnpackedAsItWasPacked) {
  const auto random = test::test_random();
  for (int i = 0; i < 100; ++i) {
    const PackTail tail = random_tail(*random);
    ByteVector bytes = to_disk(tail);
    ASSERT_EQ(bytes.size(), tail.length().size());
    EXPECT_LE(tail.length(), max_tail_length);
    EXPECT_EQ(tail_length_from_end(Bytes(bytes).last(sizeof(TailEndOnDisk)))->size(), bytes.size());
    append(bytes, bytes_of("parity"));
    const auto again = unpack_tail(bytes);
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->chunk_crcs, tail.chunk_crcs);
    EXPECT_EQ(again->table_at, tail.table_at);
    EXPECT_EQ(again->file_length(), tail.file_length());
    EXPECT_TRUE(same_bytes(to_disk(*again), Bytes(bytes).first(tail.length().size())));
  }
}

TEST(PackTail, AnyFlippedByteIsDamage) {
  const auto random = test::test_random();
  PackTail tail = random_tail(*random);
  tail.data_chunks = 3;
  tail.rows = 1;
  tail.record_count = 1;
  tail.table_at = 200;
  tail.chunk_crcs.resize(tail.all_chunks());
  const ByteVector bytes = to_disk(tail);
  test::for_every_flipped_byte(*random, bytes, [&](Bytes flipped, std::size_t at) {
    EXPECT_FALSE(unpack_tail(flipped)) << at;
  });
  for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(unpack_tail(Bytes(bytes).first(n)));

  const std::size_t crc = bytes.size() - sizeof(Le64);
  EXPECT_EQ(unpack_tail(forged(bytes, 8, 2, crc)).error().kind(), ErrorKind::invalid);
  EXPECT_FALSE(unpack_tail(forged(bytes, 10, 9, crc)));          // Use.
  EXPECT_FALSE(unpack_tail(forged(bytes, 11, 0, crc)));          // Rows.
  EXPECT_FALSE(unpack_tail(forged(bytes, 11, 3, crc)));          //
  EXPECT_FALSE(unpack_tail(forged(bytes, 12, 0, crc)));          // No chunks.
  EXPECT_FALSE(unpack_tail(forged(bytes, 19, 0xff, crc)));       // The table past the end.
  EXPECT_FALSE(unpack_tail(forged(bytes, 23, 0xff, crc)));       // Too many records.
  EXPECT_FALSE(unpack_tail(forged(bytes, 50, 1, crc)));          // Reserved.
  EXPECT_FALSE(unpack_tail(forged(bytes, crc - 20, 1, crc)));    // Padding.
  EXPECT_FALSE(unpack_tail(forged(bytes, crc - 7, 0x20, crc)));  // Another length.
}

TEST(PackTail, ChunksFollowEachOtherWithTheTailBetween) {
  const auto random = test::test_random();
  for (int i = 0; i < 50; ++i) {
    const PackTail tail = random_tail(*random);
    for (std::uint32_t chunk = 1; chunk < tail.all_chunks(); ++chunk) {
      const ByteCount gap = chunk == tail.data_chunks ? tail.length() : 0_B;
      ASSERT_EQ(tail.chunk_at(chunk), tail.chunk_at(chunk - 1) + pack_chunk + gap);
    }
  }
}

TEST(PackTable, EntriesOutsideOfThePackAreRefused) {
  const auto random = test::test_random();
  PackTail tail;
  tail.data_chunks = 1;
  tail.record_count = 1;
  tail.table_at = 1000;
  const auto parse = [&](std::uint32_t at, std::uint32_t length) {
    const TableEntryOnDisk entry{random->name<RecordName>().bytes, Le32(at), Le32(length)};
    const ByteVector table = bytes_on_disk(entry);
    tail.table_crc = crc64(table);
    return unpack_table(tail, table).has_value();
  };
  EXPECT_TRUE(parse(128, 1000 - 128 - 64));
  EXPECT_FALSE(parse(128, 1000 - 128 - 63));
  EXPECT_FALSE(parse(127, 1));
  EXPECT_FALSE(parse(1000, 0));
  EXPECT_TRUE(parse(936, 0));
  EXPECT_FALSE(parse(~0u, ~0u));
  EXPECT_FALSE(parse(128, ~0u));
  EXPECT_FALSE(parse(~0u, 0));
  EXPECT_FALSE(unpack_table(tail, {})) << "another length";
  tail.record_count = ~0u;
  EXPECT_FALSE(unpack_table(tail, {}));
}

}  // namespace
}  // namespace ebb
