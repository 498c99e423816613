// SPDX-License-Identifier: Apache-2.0
// The parser of partition tables: sound, damaged, hostile, and none at all.
#include "devmap/partition_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "devmap/crc32.h"
#include "tests/support/gpt_image.h"

namespace ebb {
namespace {

using test::GptImage;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

PartitionTable table_of(const ByteVector& bytes, ByteCount sector = 512_B) {
  MemorySource source(bytes);
  auto table = read_partition_table(source, sector);
  EXPECT_TRUE(table.has_value()) << (table ? "" : table.error().text());
  return table.value_or(PartitionTable{});
}

ByteRun sectors(std::uint64_t first, std::uint64_t n, std::uint64_t sector = 512) {
  return ByteRun::of(ByteIndex(first * sector), ByteCount(n * sector));
}

TEST(Crc32, HasTheValueThatEveryoneChecksWith) {
  EXPECT_EQ(Crc32::of(bytes_of("123456789")), 0xcbf43926u);
}

TEST(PartitionTable, AZeroDeviceHasNone) {
  const auto table = table_of(ByteVector(1 << 20));
  EXPECT_EQ(table.kind, TableKind::none);
  EXPECT_THAT(table.problems, IsEmpty());
  EXPECT_EQ(last_used_byte(table, 1_MiB), ByteIndex(1 << 20));
  EXPECT_EQ(boot_areas(table, 1_MiB), std::vector{ByteRun::of(ByteIndex(0), 64_KiB)});
}

TEST(PartitionTable, ADeviceSmallerThanASectorHasNone) {
  for (const std::size_t size : {0u, 1u, 511u, 512u, 1024u, 1535u}) {
    ByteVector bytes(size, std::byte{0xff});
    EXPECT_EQ(table_of(bytes).kind, TableKind::none) << size;
  }
}

TEST(PartitionTable, RefusesWhatIsNoSectorSize) {
  ByteVector bytes(4096);
  MemorySource source(bytes);
  for (const std::uint64_t size : {0ull, 1ull, 511ull, 520ull, 8192ull, 1ull << 63}) {
    EXPECT_FALSE(read_partition_table(source, ByteCount(size))) << size;
  }
}

class GptTable : public testing::TestWithParam<std::uint64_t> {
 protected:
  ByteCount sector() const { return ByteCount(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Sectors, GptTable, testing::Values(512, 4096));

TEST_P(GptTable, IsReadAsItWasMade) {
  GptImage disk(sector(), 4096);
  disk.put_entry(0, 100, 199, "boot");
  disk.put_entry(5, 300, 999, "data");
  disk.seal();
  const auto table = table_of(disk.bytes, sector());
  EXPECT_EQ(table.kind, TableKind::gpt);
  EXPECT_EQ(table.id, "11223344-5566-7788-99aa-bbccddeeff01");
  EXPECT_THAT(table.problems, IsEmpty());
  ASSERT_THAT(table.partitions, SizeIs(2));
  EXPECT_EQ(table.partitions[0],
            (Partition{1, sectors(100, 100, GetParam()), "0fc63daf-8483-4772-8e79-3d69d8477de4",
                       "01010101-0101-0101-0101-010101010101", "boot"}));
  EXPECT_EQ(table.partitions[1].number, 6u);
  EXPECT_EQ(last_used_byte(table, ByteCount(disk.bytes.size())), ByteIndex(1000 * GetParam()));
}

TEST_P(GptTable, BootAreasCoverBothCopiesAndEveryPartitionsStart) {
  GptImage disk(sector(), 16384);
  disk.put_entry(0, 8192, 9000, "data");
  disk.seal();
  const ByteCount size(disk.bytes.size());
  const auto areas = boot_areas(table_of(disk.bytes, sector()), size);
  const auto covered = [&](ByteRun run) {
    return std::any_of(areas.begin(), areas.end(), [&](ByteRun a) { return a.contains(run); });
  };
  EXPECT_TRUE(covered(ByteRun::of(ByteIndex(0), 1_MiB)));
  EXPECT_TRUE(covered(ByteRun::of(ByteIndex(8192 * GetParam()), 64_KiB)));
  EXPECT_TRUE(covered({ByteIndex((disk.last_usable() + 1) * GetParam()), ByteIndex(size.value())}));
  EXPECT_FALSE(covered(ByteRun::of(ByteIndex(8192 * GetParam()), 64_KiB + 1_B)));
  for (std::size_t i = 1; i < areas.size(); ++i) EXPECT_LT(areas[i - 1].end, areas[i].begin);
}

TEST_P(GptTable, DamagedPrimaryIsNamedAndTheBackupUsed) {
  GptImage disk(sector(), 4096);
  disk.put_entry(0, 100, 199, "x");
  disk.seal();
  disk.bytes[GetParam() + 20] ^= std::byte{1};
  const auto table = table_of(disk.bytes, sector());
  EXPECT_EQ(table.kind, TableKind::gpt);
  EXPECT_THAT(table.partitions, SizeIs(1));
  EXPECT_THAT(table.problems, Contains(HasSubstr("primary GPT is not sound")));
}

TEST_P(GptTable, DamagedBackupIsNamedAndThePrimaryUsed) {
  GptImage disk(sector(), 4096);
  disk.put_entry(0, 100, 199, "x");
  disk.seal();
  disk.bytes[disk.bytes.size() - GetParam() * 2] ^= std::byte{1};  // In the backup's entries.
  const auto table = table_of(disk.bytes, sector());
  EXPECT_EQ(table.kind, TableKind::gpt);
  EXPECT_THAT(table.partitions, SizeIs(1));
  EXPECT_THAT(table.problems, Contains(HasSubstr("backup GPT is not sound")));
}

TEST_P(GptTable, IsNoneWhenBothCopiesAreDamaged) {
  GptImage disk(sector(), 4096);
  disk.bytes[GetParam() + 20] ^= std::byte{1};
  disk.bytes[disk.bytes.size() - GetParam() + 20] ^= std::byte{1};
  const auto table = table_of(disk.bytes, sector());
  EXPECT_EQ(table.kind, TableKind::none);
  EXPECT_THAT(table.problems, SizeIs(2));
}

TEST_P(GptTable, EverySingleBitOfAHeaderMatters) {
  GptImage disk(sector(), 512);
  disk.put_entry(0, 200, 299, "x");
  disk.seal();
  for (std::size_t bit = 0; bit < sizeof(GptHeaderOnDisk) * 8; ++bit) {
    ByteVector bytes = disk.bytes;
    bytes[GetParam() + bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    const auto table = table_of(bytes, sector());
    EXPECT_EQ(table.partitions.size(), 1u) << bit;
    EXPECT_THAT(table.problems, Contains(HasSubstr("primary GPT is not sound"))) << bit;
  }
}

TEST_P(GptTable, IsRecognisedWhenWrittenForOtherSectors) {
  GptImage disk(sector(), 4096);
  disk.put_entry(0, 100, 199, "x");
  disk.seal();
  const ByteCount other = sector() == 512_B ? 4_KiB : 512_B;
  const auto table = table_of(disk.bytes, other);
  EXPECT_EQ(table.kind, TableKind::none);
  EXPECT_EQ(table.foreign_sector, sector());
  EXPECT_THAT(table.problems, Contains(HasSubstr("written for sectors of")));
  EXPECT_EQ(last_used_byte(table, ByteCount(disk.bytes.size())), ByteIndex(disk.bytes.size()));
  EXPECT_EQ(boot_areas(table, ByteCount(disk.bytes.size())).back().end.value(), disk.bytes.size());
}

TEST(GptTableProblems, CopiesThatDifferAreSaid) {
  GptImage disk(512_B, 4096);
  auto header = disk.header(false);
  header.disk_guid[0] ^= 1;
  disk.put_header(false, header);
  disk.seal();
  EXPECT_THAT(table_of(disk.bytes).problems, Contains(HasSubstr("differ")));
}

TEST(GptTableProblems, ABackupThatIsNotAtTheEndIsFoundAndSaid) {
  GptImage disk(512_B, 4096);
  disk.put_entry(0, 100, 199, "x");
  disk.seal();
  disk.bytes.resize(disk.bytes.size() * 2);
  const auto table = table_of(disk.bytes);
  EXPECT_EQ(table.kind, TableKind::gpt);
  EXPECT_THAT(table.problems, Contains(HasSubstr("not in the last one")));
}

TEST(GptTableProblems, WithoutAProtectiveMbrItDoesNotCount) {
  GptImage disk(512_B, 4096);
  std::memset(disk.bytes.data(), 0, 512);
  const auto table = table_of(disk.bytes);
  EXPECT_EQ(table.kind, TableKind::none);
  EXPECT_THAT(table.problems, Contains(HasSubstr("without a protective MBR")));
}

TEST(GptTableProblems, OverlappingPartitionsAreNamed) {
  GptImage disk(512_B, 4096);
  disk.put_entry(0, 100, 500, "a");
  disk.put_entry(1, 200, 300, "b");
  disk.put_entry(2, 400, 600, "c");
  disk.seal();
  const auto table = table_of(disk.bytes);
  EXPECT_THAT(table.problems, Contains("partitions 1 and 2 overlap"));
  EXPECT_THAT(table.problems, Contains("partitions 1 and 3 overlap"));
}

TEST(HostileGpt, WrappingPartitionsAreLeftOut) {
  GptImage disk(512_B, 4096);
  disk.put_entry(0, 0, UINT64_MAX, "all");
  disk.put_entry(1, UINT64_MAX, UINT64_MAX, "last");
  disk.put_entry(2, 1ull << 55, (1ull << 55) + 1, "wraps in bytes");
  disk.put_entry(3, 500, 100, "backwards");
  disk.put_entry(4, 3000, 1ull << 40, "past the end");
  disk.seal();
  const auto table = table_of(disk.bytes);
  EXPECT_EQ(table.kind, TableKind::gpt);
  ASSERT_THAT(table.partitions, SizeIs(1));
  EXPECT_EQ(table.partitions[0].number, 5u);
  EXPECT_THAT(table.problems, Contains(HasSubstr("past the end of the device")));
  EXPECT_EQ(last_used_byte(table, ByteCount(disk.bytes.size())), ByteIndex(disk.bytes.size()));
  EXPECT_EQ(boot_areas(table, 1_MiB).back().end, ByteIndex(1 << 20));
}

// Nonsense under a right CRC, one field at a time: never a crash, never believed.
TEST(HostileGpt, NonsenseUnderARightCrcIsNotBelieved) {
  using Change = void (*)(GptHeaderOnDisk&);
  const std::vector<Change> changes = {
      [](GptHeaderOnDisk& h) { h.entry_size = Le32(0); },
      [](GptHeaderOnDisk& h) { h.entry_size = Le32(1); },
      [](GptHeaderOnDisk& h) { h.entry_size = Le32(129); },
      [](GptHeaderOnDisk& h) { h.entry_size = Le32(UINT32_MAX); },
      [](GptHeaderOnDisk& h) { h.entry_size = Le32(1u << 31); },
      [](GptHeaderOnDisk& h) { h.entry_count = Le32(0); },
      [](GptHeaderOnDisk& h) { h.entry_count = Le32(UINT32_MAX); },
      [](GptHeaderOnDisk& h) { h.entries_lba = Le64(0); },
      [](GptHeaderOnDisk& h) { h.entries_lba = Le64(1); },
      [](GptHeaderOnDisk& h) { h.entries_lba = Le64(UINT64_MAX); },
      [](GptHeaderOnDisk& h) { h.entries_lba = Le64(1ull << 55); },
      [](GptHeaderOnDisk& h) { h.entries_lba = Le64(100); },
      [](GptHeaderOnDisk& h) { h.first_usable_lba = Le64(0); },
      [](GptHeaderOnDisk& h) { h.first_usable_lba = Le64(UINT64_MAX); },
      [](GptHeaderOnDisk& h) { h.last_usable_lba = Le64(UINT64_MAX); },
      [](GptHeaderOnDisk& h) { h.last_usable_lba = Le64(0); },
      [](GptHeaderOnDisk& h) { h.my_lba = Le64(UINT64_MAX); },
      [](GptHeaderOnDisk& h) { h.header_size = Le32(0); },
      [](GptHeaderOnDisk& h) { h.header_size = Le32(UINT32_MAX); },
      [](GptHeaderOnDisk& h) { h.header_size = Le32(91); },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    GptImage disk(512_B, 4096);
    for (const bool primary : {true, false}) {
      auto header = disk.header(primary);
      changes[i](header);
      disk.put_header(primary, header);
    }
    disk.seal();
    const auto table = table_of(disk.bytes);
    EXPECT_EQ(table.kind, TableKind::none) << i;
    EXPECT_THAT(table.problems, Not(IsEmpty())) << i;
  }
}

TEST(HostileGpt, AWildAlternateLbaIsHarmless) {
  for (const std::uint64_t lba : std::vector<std::uint64_t>{0, 1, 2, 1ull << 55, UINT64_MAX}) {
    GptImage disk(512_B, 4096);
    auto header = disk.header(true);
    header.alternate_lba = Le64(lba);
    disk.put_header(true, header);
    disk.seal();
    EXPECT_EQ(table_of(disk.bytes).kind, TableKind::gpt) << lba;
  }
}

TEST(HostileGpt, AThousandFaultsAreSaidInFewSentences) {
  GptImage disk(512_B, 40000, 8192);
  for (std::uint32_t i = 0; i < 8192; ++i) disk.put_entry(i, 3000, 3001, "same");
  disk.seal();
  const auto table = table_of(disk.bytes);
  EXPECT_THAT(table.partitions, SizeIs(8192));
  EXPECT_LE(table.problems.size(), 65u);
  EXPECT_EQ(table.problems.back(), "and more");
}

TEST(GptName, UnpairedSurrogatesBecomeReplacementCharacters) {
  GptImage disk(512_B, 4096);
  disk.put_entry(0, 100, 199, "ab");
  // UTF-16: a face (U+1F600), then half of one.
  const std::uint8_t name[] = {0x3d, 0xd8, 0x00, 0xde, 0x3d, 0xd8, 0x00, 0x00};
  for (const std::uint64_t lba : {std::uint64_t{2}, disk.last_usable() + 1}) {
    std::memcpy(disk.bytes.data() + lba * 512 + 56, name, sizeof name);
  }
  disk.seal();
  EXPECT_EQ(table_of(disk.bytes).partitions.at(0).name, "\xf0\x9f\x98\x80\xef\xbf\xbd");
}

TEST(MbrTable, PrimaryAndLogicalPartitionsAreRead) {
  ByteVector disk(4096 * 512);
  test::put_mbr(disk, 0, {{0x83, 63, 100}, {0x0f, 200, 1000}, {}, {0x82, 1500, 10}});
  test::put_mbr(disk, 200 * 512, {{0x83, 2, 50}, {0x05, 100, 60}});
  test::put_mbr(disk, 300 * 512, {{0x07, 3, 40}});
  const auto table = table_of(disk);
  EXPECT_EQ(table.kind, TableKind::mbr);
  EXPECT_EQ(table.id, "1badcafe");
  EXPECT_THAT(table.problems, IsEmpty());
  const std::vector<Partition> expected = {{1, sectors(63, 100), "83", "1badcafe-01", ""},
                                           {2, sectors(200, 1000), "0f", "1badcafe-02", ""},
                                           {5, sectors(202, 50), "83", "1badcafe-05", ""},
                                           {6, sectors(303, 40), "07", "1badcafe-06", ""},
                                           {4, sectors(1500, 10), "82", "1badcafe-04", ""}};
  EXPECT_EQ(table.partitions, expected);
  EXPECT_EQ(last_used_byte(table, ByteCount(disk.size())), ByteIndex(1510 * 512));
  const auto areas = boot_areas(table, ByteCount(disk.size()));
  EXPECT_TRUE(std::any_of(areas.begin(), areas.end(),
                          [](ByteRun a) { return a.contains(sectors(300, 1)); }));
}

TEST(MbrTable, IsReadInSectorsOf4096) {
  ByteVector disk(4096 * 64);
  test::put_mbr(disk, 0, {{0x83, 16, 32}});
  EXPECT_EQ(table_of(disk, 4_KiB).partitions.at(0).bytes, sectors(16, 32, 4096));
}

TEST(MbrTable, AnEmptyOneSaysNothingOfWhatMatters) {
  ByteVector disk(1 << 20);
  test::put_mbr(disk, 0, {});
  const auto table = table_of(disk);
  EXPECT_EQ(table.kind, TableKind::mbr);
  EXPECT_EQ(last_used_byte(table, 1_MiB), ByteIndex(1 << 20));
}

TEST(HostileMbr, ALoopOfExtendedRecordsEnds) {
  ByteVector disk(4096 * 512);
  test::put_mbr(disk, 0, {{0x05, 200, 1000}});
  test::put_mbr(disk, 200 * 512, {{0x83, 2, 50}, {0x05, 100, 60}});
  test::put_mbr(disk, 300 * 512, {{0x83, 2, 50}, {0x05, 0, 60}});
  const auto table = table_of(disk);
  EXPECT_THAT(table.partitions, SizeIs(3));
  EXPECT_THAT(table.problems, Contains(HasSubstr("does not end")));
}

TEST(HostileMbr, AnEndlessChainIsCut) {
  ByteVector disk(4096 * 512);
  test::put_mbr(disk, 0, {{0x05, 100, 3000}});
  for (std::uint32_t i = 0; i < 1000; ++i) {
    test::put_mbr(disk, (100 + i * 2) * 512, {{0x83, 1, 1}, {0x05, (i + 1) * 2, 2}});
  }
  const auto table = table_of(disk);
  EXPECT_LE(table.partitions.size(), 257u);
  EXPECT_THAT(table.problems, Contains(HasSubstr("does not end")));
}

TEST(HostileMbr, RecordsAndPartitionsPastTheEndAreNamed) {
  ByteVector disk(1024 * 512);
  test::put_mbr(disk, 0,
                {{0x05, UINT32_MAX, UINT32_MAX}, {0x83, UINT32_MAX, UINT32_MAX}, {0x83, 5, 0}});
  const auto table = table_of(disk);
  EXPECT_THAT(table.partitions, SizeIs(2));
  EXPECT_THAT(table.problems, Contains(HasSubstr("extended boot record lies past the end")));
  EXPECT_THAT(table.problems, Contains(HasSubstr("has no sectors")));
}

TEST(MbrTable, AFatBootSectorIsNone) {
  ByteVector disk(1 << 20);
  test::put_mbr(disk, 0, {{0x83, 1, 10}});
  const std::uint8_t bpb[] = {0xeb, 0x3c, 0x90, 'm', 'k', 'f', 's', '.', 'f', 'a', 't',
                              0x00, 0x02, 4,    4,   0,   2,   0,   2,   0,   0,   0xf8};
  std::memcpy(disk.data(), bpb, sizeof bpb);
  EXPECT_EQ(table_of(disk).kind, TableKind::none);
  disk[0x0d] = std::byte{3};  // No cluster has three sectors: boot code, not FAT.
  EXPECT_EQ(table_of(disk).kind, TableKind::mbr);
}

TEST(MbrTable, NtfsAndExFatBootSectorsAreNone) {
  for (const char* name : {"NTFS    ", "EXFAT   "}) {
    ByteVector disk(1 << 20);
    test::put_mbr(disk, 0, {{0x83, 1, 10}});
    std::memcpy(disk.data() + 3, name, 8);
    EXPECT_EQ(table_of(disk).kind, TableKind::none) << name;
  }
}

TEST(MbrTable, AWrongBootFlagMeansCodeAndNoTable) {
  ByteVector disk(1 << 20);
  test::put_mbr(disk, 0, {{0x83, 1, 10}});
  disk[446 + 32] = std::byte{0x42};
  EXPECT_EQ(table_of(disk).kind, TableKind::none);
}

TEST(MbrTable, RemainsOfAGptAreSaid) {
  GptImage disk(512_B, 4096);
  test::put_mbr(disk.bytes, 0, {{0x83, 100, 10}});
  const auto table = table_of(disk.bytes);
  EXPECT_EQ(table.kind, TableKind::mbr);
  EXPECT_THAT(table.problems, Contains(HasSubstr("remains of a GPT")));
}

}  // namespace
}  // namespace ebb
