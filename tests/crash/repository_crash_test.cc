// SPDX-License-Identifier: Apache-2.0
// repository_crash_test.cc - the machine dies after the n-th operation on the repository's folder,
// for every n: of a backup, an import, a key rotation, a repair.
//
// Whatever no sync covers is kept, dropped or torn at random. Afterwards what was there is whole,
// what was being made is whole or absent, and what was said to be finished is there.
#include <gtest/gtest.h>

#include "tests/crash/repository_crash.h"

namespace ebb {
namespace {

using test::FlowWorld;
using test::Known;
using test::RepositoryCrash;
using test::SimulatedFolder;

TEST_F(RepositoryCrash, APointIsWholeOrAbsentWhereverABackupIsStopped) {
  disk_.write(100, 500);
  disk_.zero(900, 300);
  Known newer;
  newer.content = copy_of(disk_.content());
  for_every_stop(
      4,
      [&](FlowWorld& world) {
        const auto device = disk_.device(world.loop());
        return world.backup(*device, wishes_).has_value();
      },
      [&](FlowWorld& world, bool finished) {
        expect_whole(world, &newer);
        if (HasFatalFailure()) return;
        ASSERT_TRUE(newer_is_there_ || !finished) << "a backup that ended has gone";
        expect_next_backup_works(world);
      });
}

// The next backup may itself be the one that dies, over and over; the last one ends it.
TEST_F(RepositoryCrash, BackupsThatDieOneAfterTheOtherLoseNothing) {
  for (int story = 0; story < 6; ++story) {
    const auto world = base_.twin(random_->next_u64());
    for (int death = 0; death < 8; ++death) {
      disk_.change();
      const auto device = disk_.device(world->loop());
      world->folder().stop_after(world->folder().operations() + random_->below(30));
      const auto report = world->backup(*device, wishes_);
      world->crash();
      const auto points = world->points();
      ASSERT_TRUE(points) << points.error().text();
      if (report) {
        ASSERT_EQ(points->back().id, report->point.id);
      }
      for (const Known& known : known_) expect_holds(*world, known);
      if (HasFatalFailure()) return;
    }
    expect_next_backup_works(*world);
    if (HasFatalFailure()) return;
  }
}

TEST_F(RepositoryCrash, AnImportedPointIsWholeOrAbsentWhereverTheImportIsStopped) {
  const auto ahead = base_.twin(random_->next_u64());
  disk_.write(100, 500);
  disk_.zero(900, 300);
  const auto device = disk_.device(ahead->loop());
  const auto report = ahead->backup(*device, wishes_);
  ASSERT_TRUE(report);
  const Known newer{report->point, copy_of(disk_.content())};
  SimulatedFolder carried(ahead->loop(), 1);
  const auto exported = ahead->export_to(carried, known_.back().point, newer.point, "b.ebbdiff");
  ASSERT_TRUE(exported) << exported.error().text();
  EXPECT_GT(exported->blocks, BlockCount(0));
  const auto import = [&](FlowWorld& world) {
    const auto in = carried.copy(world.loop(), 1);
    return world.import_from(*in, "b.ebbdiff");
  };
  for_every_stop(
      4, [&](FlowWorld& world) { return import(world).has_value(); },
      [&](FlowWorld& world, bool finished) {
        expect_whole(world, &newer);
        if (HasFatalFailure()) return;
        ASSERT_TRUE(newer_is_there_ || !finished) << "an import that ended has gone";
        const auto again = import(world);
        ASSERT_TRUE(again) << again.error().text();
        EXPECT_EQ(again->was_there, newer_is_there_);
        expect_holds(world, newer);
        ASSERT_TRUE(test::names_that_lie_twice(world.folder(), world.loop()).empty());
      });
}

TEST_F(RepositoryCrash, ThePassphraseOpensEveryPointWhereverARotationIsStopped) {
  for_every_stop(
      2, [&](FlowWorld& world) { return world.rotate().has_value(); },
      [&](FlowWorld& world, bool finished) {
        expect_whole(world, nullptr);
        if (HasFatalFailure()) return;
        const auto opened = world.unlock();
        ASSERT_TRUE(opened) << opened.error().text();
        if (finished) {
          EXPECT_EQ(opened->keyring.recipients.size(), 1u);
        }
        // Between two rotations, backups go on, and another rotation finishes what was left.
        expect_next_backup_works(world);
        if (HasFatalFailure()) return;
        const auto again = world.rotate();
        ASSERT_TRUE(again) << again.error().text();
        world.close();
        EXPECT_EQ((*world.repository())->keys().generations()->size(), 1u);
        for (const Known& known : known_) expect_holds(world, known);
      });
}

TEST_F(RepositoryCrash, ARepairMakesNothingWorseWhereverItIsStopped) {
  // A torn stretch in each pack and a flip in one copy of every small object.
  for (const std::string& name : base_.folder().all_files()) {
    const std::size_t size = base_.folder().content(name).size();
    if (size == 0) continue;
    const bool is_pack = name.starts_with("packs/");
    const ByteVector noise = test::random_bytes(*random_, is_pack ? 60'000 : 1);
    const std::size_t at = is_pack ? random_->below(size - noise.size()) : random_->below(24);
    const std::byte flipped = base_.folder().content(name)[at] ^ std::byte{0x10};
    base_.folder().overwrite(name, ByteIndex(at), is_pack ? Bytes(noise) : Bytes(&flipped, 1));
  }
  base_.close();
  for_every_stop(
      3,
      [&](FlowWorld& world) {
        const auto report = world.scrub(ScrubMode::repair);
        if (report) {
          EXPECT_TRUE(report->mended());
        }
        return report.has_value();
      },
      [&](FlowWorld& world, bool finished) {
        if (finished) {
          const auto look = world.scrub(ScrubMode::look);
          ASSERT_TRUE(look);
          ASSERT_TRUE(look->sound()) << "a repair that ended is undone";
        }
        const auto again = world.scrub(ScrubMode::repair);
        ASSERT_TRUE(again) << again.error().text();
        ASSERT_TRUE(again->mended());
        expect_whole(world, nullptr);
        if (HasFatalFailure()) return;
        expect_next_backup_works(world);
      });
}

}  // namespace
}  // namespace ebb
