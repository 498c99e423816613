// SPDX-License-Identifier: Apache-2.0
// flips_test.cc - every byte of a small repository is flipped, one at a time: each flip is found,
// none makes a restore wrong, and a repair mends it.
//
// Of the packs, whose most bytes are alike in kind, all headers, tables and tails are flipped and a
// sample of the rest; of the small objects every byte.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/flow_world.h"
#include "tests/support/packs.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::StampedDisk;

struct Known {
  SignedPoint point;
  ByteVector content;
};

class Flips : public testing::Test {
 protected:
  void add_point(const StampedDisk& disk) {
    const auto device = disk.device(world_.loop());
    auto report = world_.backup(*device);
    ASSERT_TRUE(report) << report.error().text();
    known_.push_back({std::move(report->point), copy_of(disk.content())});
    world_.close();
  }
  void flip(const std::string& name, std::size_t at, std::byte by) {
    const std::byte other = files_.at(name)[at] ^ by;
    world_.folder().overwrite(name, ByteIndex(at), Bytes(&other, 1));
  }
  void unflip(const std::string& name, std::size_t at) {
    const std::byte right = files_.at(name)[at];
    world_.folder().overwrite(name, ByteIndex(at), Bytes(&right, 1));
  }
  std::byte any_flip() { return static_cast<std::byte>(1 + random_->below(255)); }
  // Else the simulation remembers every name that a crash might bring back, and gets slow.
  void forget_old_names() {
    for (const char* folder : {"", layout::temporary}) {
      ASSERT_TRUE(world_.folder().sync_folder(folder));
    }
  }
  void remember_files() {
    for (const std::string& name : world_.folder().all_files()) {
      if (!name.ends_with(".lock")) files_[name] = world_.folder().content(name);
    }
  }
  // A restore gives the right bytes or an error.
  void expect_never_wrong(const Known& known) {
    const ByteVector other(known.content.size(), std::byte{0xee});
    const auto target = test::memory_device(world_.loop(), other);
    if (!world_.restore(known.point, *target)) {
      ++refused_;
      return;
    }
    ++restored_;
    const auto wrong = test::first_wrong_sector(known.content, Bytes(target->content()));
    ASSERT_FALSE(wrong) << *wrong;
  }
  void expect_found() {
    const auto look = world_.scrub(ScrubMode::look);
    ASSERT_TRUE(look) << look.error().text();
    ASSERT_FALSE(look->findings.empty()) << "nobody noticed";
  }
  void expect_mended(const std::string& name) {
    const auto repair = world_.scrub(ScrubMode::repair);
    ASSERT_TRUE(repair) << repair.error().text();
    ASSERT_TRUE(repair->mended());
    ASSERT_TRUE(world_.folder().content(name) == files_.at(name)) << "mended to other bytes";
    forget_old_names();
  }

  std::unique_ptr<Random> random_ = test::test_random();
  FlowWorld world_{random_->next_u64()};
  std::map<std::string, ByteVector> files_;
  std::vector<Known> known_;
  std::uint64_t restored_ = 0;
  std::uint64_t refused_ = 0;
};

// Points of nothing but zeroes have no packs, so that every byte of every object can be tried.
TEST_F(Flips, EveryByteOfEverySmallObject) {
  StampedDisk disk(*random_, 200_KiB);
  disk.zero(0, disk.sectors());
  for (int i = 0; i < 3; ++i) {
    disk.resize(disk.size() + 1_KiB);
    disk.zero(0, disk.sectors());
    add_point(disk);
    ASSERT_FALSE(HasFatalFailure());
  }
  remember_files();
  std::uint64_t flips = 0;
  for (const auto& [name, bytes] : files_) {
    SCOPED_TRACE(name);
    // Each half is a copy, padded with zeroes; of the padding a sample is mended, the rest is
    // found.
    const std::size_t half = bytes.size() / 2;
    std::size_t used = half;
    while (bytes[used - 1] == std::byte{0}) --used;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const bool is_padding = at % half >= used;
      SCOPED_TRACE(at);
      flip(name, at, any_flip());
      expect_found();
      ASSERT_FALSE(HasFatalFailure());
      if (is_padding && random_->below(8) != 0) {
        unflip(name, at);
        ++flips;
        continue;
      }
      if (at % 16 == 0) {
        world_.close();
        expect_never_wrong(known_[at / 16 % known_.size()]);
        ASSERT_FALSE(HasFatalFailure());
      }
      expect_mended(name);
      ASSERT_FALSE(HasFatalFailure());
      ++flips;
    }
  }
  EXPECT_EQ(refused_, 0u) << "one copy of each object is enough";
  std::printf("%llu flips in %zu files, %llu restores\n", static_cast<unsigned long long>(flips),
              files_.size(), static_cast<unsigned long long>(restored_));
}

TEST_F(Flips, HeadersTablesAndTailsOfPacksAndASampleOfTheRest) {
  StampedDisk disk(*random_, 150_KiB + ByteCount(100));
  for (int i = 0; i < 3; ++i) {
    disk.write(100, 60);
    add_point(disk);
    ASSERT_FALSE(HasFatalFailure());
  }
  remember_files();
  std::uint64_t flips = 0;
  std::uint64_t packs = 0;
  for (const auto& [name, bytes] : files_) {
    if (!name.starts_with("packs/")) continue;
    ++packs;
    SCOPED_TRACE(name);
    const auto tail = test::find_tail(bytes);
    ASSERT_TRUE(tail);
    // Places where any byte means something of its own.
    std::set<std::size_t> places;
    const auto all_of = [&](std::size_t begin, std::size_t length, std::size_t stride) {
      for (std::size_t at = begin; at < begin + length; at += stride) places.insert(at);
    };
    const std::size_t used_tail = sizeof(TailHeaderOnDisk) + tail->chunk_crcs.size() * sizeof(Le64);
    all_of(0, sizeof(PackHeaderOnDisk), 1);
    all_of(tail->table_at, tail->record_count * sizeof(TableEntryOnDisk), 1);
    const auto table = unpack_table(
        *tail, Bytes(bytes).subspan(tail->table_at, tail->record_count * sizeof(TableEntryOnDisk)));
    ASSERT_TRUE(table);
    for (const TableEntry& entry : *table) {
      all_of(entry.at, sizeof(RecordHeaderOnDisk), 1);
      all_of(entry.at + sizeof(RecordHeaderOnDisk), entry.stored_length, 997);
    }
    for (const ByteIndex at : {tail->first_tail_at(), tail->second_tail_at()}) {
      const std::size_t begin = at.value();
      all_of(begin, sizeof(TailHeaderOnDisk), 1);
      all_of(begin, used_tail, 11);
      all_of(begin + used_tail, tail->length().size() - used_tail, 331);
      all_of(begin + tail->length().size() - sizeof(TailEndOnDisk), sizeof(TailEndOnDisk), 1);
    }
    all_of(tail->parity_at().value(), pack_chunk.size() * tail->parity_chunks(), 16'381);
    all_of(0, bytes.size(), 16'411);
    for (const std::size_t at : places) {
      SCOPED_TRACE(at);
      flip(name, at, any_flip());
      world_.close();
      expect_found();
      ASSERT_FALSE(HasFatalFailure());
      world_.close();  // For a look notes what it found.
      if (flips % 4 == 0) expect_never_wrong(known_[(flips / 4) % known_.size()]);
      ASSERT_FALSE(HasFatalFailure());
      if (flips % 4 == 1) expect_mended(name);
      ASSERT_FALSE(HasFatalFailure());
      unflip(name, at);
      world_.close();
      ++flips;
    }
  }
  EXPECT_GT(restored_, 0u);
  EXPECT_GT(refused_, 0u);
  std::printf("%llu flips in %llu packs, %llu restores right, %llu refused\n",
              static_cast<unsigned long long>(flips), static_cast<unsigned long long>(packs),
              static_cast<unsigned long long>(restored_),
              static_cast<unsigned long long>(refused_));
}

// Runs of up to 1 MiB anywhere, and whole pieces of 64 KiB.
TEST_F(Flips, AnyTornStretchOfAPackUpToOneMebibyteIsMended) {
  StampedDisk disk(*random_, 3_MiB + ByteCount(100));
  disk.write(0, disk.sectors());  // Does not pack.
  add_point(disk);
  ASSERT_FALSE(HasFatalFailure());
  remember_files();
  for (int i = 0; i < 40; ++i) {
    for (const auto& [name, bytes] : files_) {
      if (!name.starts_with("packs/")) continue;
      const std::size_t most = i % 2 == 0 ? 1'048'576 : 65'536;
      const ByteVector noise = test::random_bytes(*random_, 1 + random_->below(most));
      const std::size_t at = random_->below(bytes.size() - noise.size() + 1);
      SCOPED_TRACE(testing::Message() << noise.size() << " bytes at " << at);
      world_.folder().overwrite(name, ByteIndex(at), noise);
      world_.close();
      expect_found();
      ASSERT_FALSE(HasFatalFailure());
      world_.close();
      expect_never_wrong(known_.front());
      ASSERT_FALSE(HasFatalFailure());
      world_.close();
      expect_mended(name);
      ASSERT_FALSE(HasFatalFailure());
    }
  }
}

}  // namespace
}  // namespace ebb
