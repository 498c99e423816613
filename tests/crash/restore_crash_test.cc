// SPDX-License-Identifier: Apache-2.0
// restore_crash_test.cc - the machine dies after the n-th step of a restore, for every n, and what
// the target had not synced is kept, dropped or torn at random.
//
// A half-restored disk never looks whole; running the restore again finishes it, wherever it was
// stopped and whoever wrote to the target meanwhile.
#include <gtest/gtest.h>

#include "devmap/byte_source.h"
#include "tests/support/dying_device.h"
#include "tests/support/flow_world.h"
#include "tests/support/gpt_image.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::DyingDevice;
using test::FlowWorld;
using test::StampedDisk;

class RestoreCrash : public testing::Test {
 protected:
  RestoreCrash() : random_(test::test_random()), world_(random_->next_u64()) {
    make_point(6000, 16_KiB, {});
  }

  // Two partitions of stamped sectors behind a GPT, a hole in the first and whatever else is to be
  // zero.
  void make_point(std::uint64_t sectors, ByteCount block_size,
                  std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> holes) {
    test::GptImage image(512_B, sectors);
    image.put_entry(0, 128, 2047, "one");
    image.put_entry(1, 2048, sectors - 1000, "two");
    image.seal();
    StampedDisk disk(*random_, ByteCount(sectors * 512));
    disk.zero(34, 94);
    disk.zero(600, 700);
    for (const auto& [at, count] : holes) disk.zero(at, count);
    const Bytes table(image.bytes);
    disk.put(ByteIndex(0), table.first(34 * 512));
    const std::size_t backup = (sectors - 33) * 512;
    disk.put(ByteIndex(backup), table.subspan(backup));
    old_content_ = copy_of(disk.content());
    disk.write(700, 100);
    disk.write(2500, 900);
    disk.zero(4000, 300);
    content_ = copy_of(disk.content());
    const auto device = disk.device(world_.loop());
    FlowWorld::BackupWishes wishes;
    wishes.block_size = *BlockSize::of(block_size);
    auto report = world_.backup(*device, wishes);
    ASSERT_TRUE(report);
    point_ = std::move(report->point);
    passport_ = test::passport_of(*device);
    ASSERT_EQ(passport_.table.kind, TableKind::gpt);
    ASSERT_EQ(passport_.table.partitions.size(), 2u);
    late_.clear();
    for (const ByteRun& area : boot_areas(passport_.table, ByteCount(content_.size()))) {
      const BlockRun blocks = point_.point.grid.blocks_touching(area);
      late_.push_back(point_.point.grid.bytes_of(blocks));
    }
  }

  bool is_late(std::size_t at) const {
    return std::ranges::any_of(late_,
                               [&](const ByteRun& run) { return run.contains(ByteIndex(at)); });
  }
  bool rest_is(Bytes target, Bytes content) const {
    for (std::size_t at = 0; at < content.size(); at += 512) {
      if (!is_late(at) && !same_bytes(target.subspan(at, 512), content.subspan(at, 512))) {
        return false;
      }
    }
    return true;
  }
  // The partition table, read as a kernel would, and any boot sector of a partition.
  bool looks_whole(Bytes target) const {
    MemorySource source(target);
    const auto table = read_partition_table(source, 512_B);
    return table && table->kind == TableKind::gpt;
  }
  bool has_new_boot_sector(Bytes target) const {
    return std::ranges::any_of(passport_.table.partitions, [&](const Partition& partition) {
      const std::size_t at = partition.bytes.begin.value();
      return same_bytes(target.subspan(at, 512), Bytes(content_).subspan(at, 512));
    });
  }
  // What the target must hold in the end.
  ByteVector expected(Bytes onto) const {
    ByteVector bytes = copy_of(content_);
    if (onto.size() == bytes.size()) return bytes;
    bytes.resize(onto.size());
    std::ranges::copy(onto.subspan(content_.size()),
                      bytes.begin() + static_cast<std::ptrdiff_t>(content_.size()));
    std::fill_n(bytes.end() - 24 * 1024, 24 * 1024, std::byte{0});
    MemorySource source(content_);
    const auto patches =
        move_backup_gpt(source, 512_B, ByteCount(content_.size()), ByteCount(onto.size()));
    EXPECT_TRUE(patches);
    for (const Patch& patch : *patches) {
      std::ranges::copy(patch.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(patch.at.value()));
    }
    return bytes;
  }

  void stop_everywhere(Bytes onto, bool in_place, bool meddle) {
    const ByteVector wanted = expected(onto);
    std::uint64_t stops = 0;
    for (std::uint64_t n = 0;; ++n, ++stops) {
      const std::uint64_t seed = random_->next_u64();
      SCOPED_TRACE(testing::Message() << "stopped after " << n << ", seed " << seed);
      DyingDevice target(world_.loop(), onto, seed);
      FlowWorld::RestoreWishes wishes;
      wishes.in_place = in_place;
      wishes.journal = &target;
      wishes.synced_every = synced_every_;
      target.die_after(n);
      const bool finished = world_.restore(point_, target, wishes).has_value();
      if (!finished) {
        ASSERT_TRUE(target.dead()) << "it failed by itself";
      }
      target.come_back();
      const Bytes there = target.content();
      const bool untouched = rest_is(there, onto);
      if (looks_whole(there)) {
        ASSERT_TRUE(rest_is(there, content_) || untouched) << "half restored, and has a table";
      }
      if (has_new_boot_sector(there)) {
        ASSERT_TRUE(rest_is(there, content_) || untouched) << "half restored, and would boot";
      }
      if (finished) {
        const auto wrong = test::first_wrong_sector(wanted, there);
        ASSERT_FALSE(wrong) << *wrong << " after a restore that ended";
      }
      if (meddle) {
        for (int i = 0; i < 3; ++i) {
          const ByteVector other = test::random_bytes(*random_, 1 + random_->below(9000));
          target.overwrite(ByteIndex(random_->below(there.size() - other.size())), other);
        }
      }
      // Once, or, when the journal said more than was there any more, twice.
      auto again = world_.restore(point_, target, wishes);
      if (!again && meddle) again = world_.restore(point_, target, wishes);
      ASSERT_TRUE(again) << again.error().text();
      ByteVector now = copy_of(target.content());
      if (meddle) now.resize(content_.size());  // What lies behind it is not the restore's.
      ByteVector right = wanted;
      right.resize(now.size());
      const auto wrong = test::first_wrong_sector(right, now);
      ASSERT_FALSE(wrong) << *wrong << " after the second try";
      if (finished) break;
      ASSERT_LT(n, 3000u);
    }
    std::printf("stopped %llu times\n", static_cast<unsigned long long>(stops));
  }

  std::unique_ptr<Random> random_;
  FlowWorld world_;
  Passport passport_;
  ByteVector old_content_;
  ByteVector content_;
  SignedPoint point_;
  std::vector<ByteRun> late_;
  ByteCount synced_every_ = 1_GiB;
};

TEST_F(RestoreCrash, OntoADiskFullOfOtherBytes) {
  stop_everywhere(test::random_bytes(*random_, content_.size()), false, false);
}

TEST_F(RestoreCrash, OntoADiskThatHoldsAnEarlierPoint) {
  stop_everywhere(old_content_, false, false);
}

// Three windows of 16 MiB, two of them with little in them: the journal moves on after the first,
// and only then after what the others hold together.
TEST_F(RestoreCrash, OntoADiskOfSeveralWindows) {
  make_point(3 * 32768, 4_KiB, {{9000, 30000}, {39100, 40000}, {79200, 18000}});
  synced_every_ = 2_MiB;
  stop_everywhere(test::random_bytes(*random_, content_.size()), false, false);
}

TEST_F(RestoreCrash, InPlace) {
  stop_everywhere(old_content_, true, false);
}

TEST_F(RestoreCrash, OntoALargerDiskWhereTheBackupTableMoves) {
  stop_everywhere(test::random_bytes(*random_, content_.size() + 300 * 512), false, false);
}

TEST_F(RestoreCrash, SomebodyWritesToTheTargetInBetween) {
  stop_everywhere(test::random_bytes(*random_, content_.size()), false, true);
  if (!HasFatalFailure()) stop_everywhere(old_content_, true, true);
}

// The journal of another restore, or one that says too much, costs a try at the most.
TEST_F(RestoreCrash, AJournalThatSaysTooMuchIsFoundOut) {
  test::MemoryJournal journal;
  FlowWorld::RestoreWishes wishes;
  wishes.journal = &journal;
  const auto target =
      test::memory_device(world_.loop(), test::random_bytes(*random_, content_.size()));
  journal.kept = RestoreJournal{point_.id, Digest{}, point_.point.grid.all().end};
  EXPECT_FALSE(world_.restore(point_, *target, wishes));
  EXPECT_FALSE(looks_whole(Bytes(target->content())));
  EXPECT_FALSE(journal.kept);
  ASSERT_TRUE(world_.restore(point_, *target, wishes));
  const auto wrong = test::first_wrong_sector(content_, Bytes(target->content()));
  EXPECT_FALSE(wrong) << *wrong;
}

}  // namespace
}  // namespace ebb
