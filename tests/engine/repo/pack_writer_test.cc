// SPDX-License-Identifier: Apache-2.0
#include "engine/repo/pack_writer.h"

#include <gtest/gtest.h>

#include <thread>

#include "engine/stage/checksum.h"
#include "tests/support/packs.h"
#include "tests/support/seed.h"
#include "tests/support/simulated_folder.h"
#include "tests/support/temporary_folder.h"

namespace ebb {
namespace {

using test::PackContent;

// Everything that docs and headers say of a pack's bytes.
void expect_whole_pack(Bytes pack, const PackContent& content) {
  const auto header = unpack_pack_header(pack);
  ASSERT_TRUE(header) << header.error().text();
  EXPECT_EQ(header->pack, content.header.pack);
  EXPECT_EQ(header->repository, content.header.repository);
  EXPECT_EQ(header->data_key, content.header.data_key);
  EXPECT_EQ(header->use, content.header.use);

  const auto length = tail_length_from_end(pack.last(sizeof(TailEndOnDisk)));
  ASSERT_TRUE(length) << length.error().text();
  const auto tail = unpack_tail(pack.last(length->size()));
  ASSERT_TRUE(tail) << tail.error().text();
  ASSERT_EQ(tail->file_length().size(), pack.size());
  EXPECT_EQ(tail->rows, parity_rows(tail->data_chunks));
  EXPECT_EQ(tail->pack, content.header.pack);
  EXPECT_TRUE(same_bytes(pack.subspan(tail->first_tail_at().value(), length->size()),
                         pack.last(length->size())))
      << "both copies of the tail are the same";

  for (std::uint32_t chunk = 0; chunk < tail->all_chunks(); ++chunk) {
    const Bytes bytes = pack.subspan(tail->chunk_at(chunk).value(), pack_chunk.size());
    ASSERT_EQ(crc64(bytes), tail->chunk_crcs[chunk]) << "chunk " << chunk;
  }

  const auto table = unpack_table(
      *tail, pack.subspan(tail->table_at, tail->record_count * sizeof(TableEntryOnDisk)));
  ASSERT_TRUE(table) << table.error().text();
  ASSERT_EQ(table->size(), content.payloads.size());
  std::uint64_t expected_at = sizeof(PackHeaderOnDisk);
  for (std::size_t i = 0; i < table->size(); ++i) {
    const TableEntry& entry = (*table)[i];
    ASSERT_EQ(entry.at, expected_at) << "records lie one after the other, in order";
    const auto record = unpack_record(pack.subspan(entry.at));
    ASSERT_TRUE(record) << record.error().text();
    EXPECT_EQ(record->header.name, entry.name);
    EXPECT_EQ(record->header.counter, i);
    EXPECT_TRUE(same_bytes(record->payload, content.payloads[i]));
    expected_at += sizeof(RecordHeaderOnDisk) + entry.stored_length;
  }
  EXPECT_EQ(tail->table_at, expected_at);
  const std::uint64_t table_end = tail->table_at + tail->record_count * sizeof(TableEntryOnDisk);
  EXPECT_TRUE(all_zero(pack.subspan(table_end, tail->data_length().value() - table_end)));
}

TEST(PackWriter, APackHoldsWhatWasPutInAtAnySize) {
  const auto random = test::test_random();
  for (const auto& [records, payload] :
       std::vector<std::pair<std::size_t, std::size_t>>{{1, 1},
                                                        {1, 65536 + 16},
                                                        {3, 16384 - 64},
                                                        {24, 65536},
                                                        {160, 65536},
                                                        {9, (1 << 20) + 16},
                                                        {700, 4096}}) {
    SCOPED_TRACE(testing::Message() << records << " records of " << payload);
    const PackContent content = test::random_pack_content(*random, records, payload);
    expect_whole_pack(test::pack_bytes(content), content);
  }
}

TEST(PackWriter, RecordsOfAllLengthsLieWithoutGaps) {
  const auto random = test::test_random();
  PackContent content = test::random_pack_content(*random, 1, 1);
  for (int i = 0; i < 600; ++i) {
    content.payloads.push_back(test::random_bytes(*random, random->below(40'000)));
  }
  expect_whole_pack(test::pack_bytes(content), content);
  expect_whole_pack(test::pack_bytes(content, 2), content);
}

TEST(PackWriter, ALargestPackIsWhole) {
  const auto random = test::test_random();
  const std::size_t records = (max_pack_data.size() - 4096) / (65536 + 64 + 40);
  const PackContent content = test::random_pack_content(*random, records, 65536);
  const ByteVector pack = test::pack_bytes(content, 1);
  expect_whole_pack(pack, content);
  EXPECT_EQ(test::find_tail(pack)->rows, 2u);
}

TEST(PackWriter, ARealFolderAndASimulatedOneHoldTheSameBytes) {
  const auto random = test::test_random();
  const PackContent content = test::random_pack_content(*random, 100, 65536 + 16);
  const test::TemporaryFolder folder;
  const auto ring = Ring::make();
  ASSERT_TRUE(ring) << ring.error().text();
  const auto files = open_folder(folder.path(), **ring);
  ASSERT_TRUE(files);
  const auto written = test::write_pack(**files, **ring, 2, content, "pack");
  ASSERT_TRUE(written) << written.error().text();
  const ByteVector real = test::whole_file(**files, **ring, "pack");
  EXPECT_TRUE(same_bytes(real, test::pack_bytes(content)));
  expect_whole_pack(real, content);
  EXPECT_EQ((*files)->list("")->size(), 1u) << "the temporary name is gone";
}

TEST(PackWriter, TheSameRecordsGiveTheSameBytesWithAnyNumberOfWorkers) {
  const auto random = test::test_random();
  const PackContent content = test::random_pack_content(*random, 300, 65536);
  const ByteVector alone = test::pack_bytes(content, 0);
  for (const unsigned threads : {1u, 2u, 4u}) {
    EXPECT_TRUE(same_bytes(test::pack_bytes(content, threads), alone)) << threads;
  }
}

TEST(PackWriter, RoomsMayBeFilledInAnyOrderByAnyThread) {
  const auto random = test::test_random();
  const PackContent content = test::random_pack_content(*random, 200, 65536);
  const ByteVector in_order = test::pack_bytes(content);
  Loop loop;
  test::SimulatedFolder files(loop, 1);
  Workers workers(loop, 2);
  const auto arena = Arena::make(PackMemory::total(), nullptr);
  ASSERT_TRUE(arena);
  PackMemory memory(**arena);
  auto writer = PackWriter::begin({files, loop, workers, memory, "t", "pack"}, content.header);
  ASSERT_TRUE(writer && *writer);
  struct Out {
    PackRoom room;
    std::size_t number;
  };
  std::vector<Out> out;
  const auto fill_one = [&] {
    const std::size_t at = random->below(out.size());
    const Out chosen = out[at];
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
    const Bytes payload = content.payloads[chosen.number];
    const RecordHeader header{RecordKind::block,           Codec::none, 65536, 65536, chosen.number,
                              record_name(sha256(payload))};
    std::thread([&] {
      put_record_header(header, payload, chosen.room.bytes);
      std::ranges::copy(payload, chosen.room.bytes.begin() + sizeof(RecordHeaderOnDisk));
    }).join();
    const TableEntry entry{header.name, chosen.room.at, header.stored_length};
    (*writer)->filled(chosen.room, std::span(&entry, 1));
  };
  for (std::size_t i = 0; i < content.payloads.size(); ++i) {
    const ByteCount length(sizeof(RecordHeaderOnDisk) + 65536);
    auto room = (*writer)->reserve(length, 1);
    for (; !room; room = (*writer)->reserve(length, 1)) {
      while (!out.empty()) fill_one();
      ASSERT_TRUE(loop.run_once());
    }
    out.push_back({*room, i});
    if (out.size() > 20) fill_one();
  }
  (*writer)->finish();
  while (!out.empty()) fill_one();
  while (!(*writer)->quiet()) ASSERT_TRUE(loop.run_once());
  ASSERT_TRUE((*writer)->published());
  EXPECT_TRUE(same_bytes(files.content("pack"), in_order));
}

TEST(PackWriter, AReservationIsRefusedWhenNoBufferIsFreeAndGoesOnAfterOne) {
  const auto random = test::test_random();
  Loop loop;
  test::SimulatedFolder files(loop, 1);
  Workers workers(loop, 0);
  const auto arena = Arena::make(PackMemory::total(), nullptr);
  ASSERT_TRUE(arena);
  PackMemory memory(**arena);
  const PackContent content = test::random_pack_content(*random, 1, 1);
  auto writer = PackWriter::begin({files, loop, workers, memory, "t", "pack"}, content.header);
  ASSERT_TRUE(writer && *writer);
  // Everything is filled at once, but the loop does not turn, so no write settles.
  const ByteCount length(512 * 1024);
  std::size_t reserved = 0;
  std::optional<PackRoom> room;
  while ((room = (*writer)->reserve(length, 1))) {
    ++reserved;
    std::ranges::fill(room->bytes, std::byte{1});
    const TableEntry entry{random->name<RecordName>(), room->at,
                           static_cast<std::uint32_t>(length.value() - 64)};
    (*writer)->filled(*room, std::span(&entry, 1));
    ASSERT_LT(reserved, 200u) << "memory has no bound";
  }
  EXPECT_GE(reserved, 6 * PackMemory::for_one_run().buffer_count);
  while (!(room = (*writer)->reserve(length, 1))) ASSERT_TRUE(loop.run_once());
  (*writer)->filled(*room, {});
  (*writer)->finish();
  while (!(*writer)->quiet()) ASSERT_TRUE(loop.run_once());
  EXPECT_TRUE((*writer)->published());
}

TEST(PackWriter, ThereIsMemoryForSoManyPacksAtOnceAndItComesBack) {
  Loop loop;
  test::SimulatedFolder files(loop, 1);
  Workers workers(loop, 0);
  const auto arena = Arena::make(PackMemory::total(), nullptr);
  ASSERT_TRUE(arena);
  PackMemory memory(**arena);
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<PackWriter>> writers;
    for (unsigned i = 0; i < PackMemory::for_one_run().packs_at_once; ++i) {
      auto writer = PackWriter::begin(
          {files, loop, workers, memory, fmt::format("t{}", i), fmt::format("p{}", i)}, {});
      ASSERT_TRUE(writer && *writer);
      writers.push_back(std::move(*writer));
    }
    const auto one_more = PackWriter::begin({files, loop, workers, memory, "x", "y"}, {});
    ASSERT_TRUE(one_more);
    EXPECT_EQ(*one_more, nullptr);
  }
  EXPECT_TRUE(files.all_files().empty()) << "what was not published is cleared away";
}

TEST(PackWriter, AFullDiskFailsThePackAndLeavesNothing) {
  const auto random = test::test_random();
  const PackContent content = test::random_pack_content(*random, 100, 65536);
  for (std::uint64_t first = 0;; ++first) {
    Loop loop;
    test::SimulatedFolder files(loop, random->next_u64());
    files.full_from_write(first);
    const auto written = test::write_pack(files, loop, 0, content, "pack");
    if (files.writes() <= first) {
      EXPECT_TRUE(written) << "there was room for all writes";
      EXPECT_GE(first, 5u);
      break;
    }
    ASSERT_FALSE(written) << first;
    EXPECT_EQ(written.error().kind(), ErrorKind::full);
    EXPECT_TRUE(files.all_files().empty());
  }
}

TEST(PackWriterCrash, APackIsAbsentOrWholeWhereverTheMachineStops) {
  const auto random = test::test_random();
  const PackContent content = test::random_pack_content(*random, 30, 65536);
  for (std::uint64_t stop_after = 0;; ++stop_after) {
    Loop loop;
    test::SimulatedFolder files(loop, random->next_u64());
    files.stop_after(stop_after);
    const auto written = test::write_pack(files, loop, 0, content, "pack");
    const auto after = files.crash();
    const auto pack = after->open("pack");
    if (pack) {
      expect_whole_pack(after->content("pack"), content);
    } else {
      EXPECT_EQ(pack.error().kind(), ErrorKind::absent);
    }
    if (testing::Test::HasFailure()) FAIL() << "stopped after " << stop_after;
    if (written) break;
  }
}

}  // namespace
}  // namespace ebb
