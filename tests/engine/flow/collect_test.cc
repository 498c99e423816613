// SPDX-License-Identifier: Apache-2.0
// collect_test.cc - what no point needs goes, and nothing else, whoever is at work meanwhile.
#include "engine/flow/collect.h"

#include <gtest/gtest.h>

#include <set>

#include "engine/flow/local_sink.h"
#include "engine/flow/local_source.h"
#include "engine/repo/pack_reader.h"
#include "tests/support/flow_world.h"
#include "tests/support/seed.h"

namespace ebb {
namespace {

using test::FlowWorld;

struct Known {
  SignedPoint point;
  ByteVector content;
};

// With a data key of its own, wrapped for whoever may open it.
RunStart new_run(FlowWorld& world, const VolumeId& volume) {
  Repository& repository = **world.repository();
  const auto members = repository.keys().members(world.key().authority, &world.key().id_key);
  EBB_CHECK(members.has_value(), "a repository has members");
  DataKey key;
  world.random().fill(key.room());
  RunStart start{repository.config().id, volume, world.random().name<DataKeyId>(), {}};
  start.envelopes.push_back(*wrap_data_key(key, start.data_key, members->recipients.front(),
                                           start.repository, world.random()));
  return start;
}

class CollectGarbage : public testing::Test {
 protected:
  CollectGarbage() { wishes_.block_size = *BlockSize::of(16_KiB); }
  void SetUp() override { back_up(); }

  void back_up() {
    const auto device = disk_.device(world_.loop());
    const auto report = world_.backup(*device, wishes_);
    ASSERT_TRUE(report) << report.error().text();
    made_.push_back({report->point, copy_of(disk_.content())});
  }
  // Points that differ in some blocks each, of which only the last `kept` stay.
  void back_up_and_prune(int points, std::uint32_t kept) {
    for (int i = 0; i < points; ++i) {
      disk_.write(random_->below(disk_.sectors() - 200), 200);
      back_up();
    }
    ASSERT_TRUE(world_.prune({.last = kept}));
    pruned_.assign(made_.begin(), made_.end() - kept);
    made_.erase(made_.begin(), made_.end() - kept);
  }
  // All blocks are new, so that what was before is in packs of its own.
  void rewrite_disk() { disk_.write(0, disk_.sectors()); }

  Repository& repository() { return **world_.repository(); }
  PackStore& packs() { return repository().packs(); }
  CollectReport collect(std::function<Result<bool>()> wait = {}) {
    const auto report = world_.collect(request_, std::move(wait));
    EXPECT_TRUE(report) << report.error().text();
    return report.value_or(CollectReport{});
  }

  void expect_restores(const Known& known) {
    const auto target =
        test::memory_device(world_.loop(), ByteVector(known.content.size(), std::byte{0xee}));
    const auto restored = world_.restore(known.point, *target);
    ASSERT_TRUE(restored) << restored.error().text();
    const auto wrong = test::first_wrong_sector(known.content, Bytes(target->content()));
    ASSERT_FALSE(wrong) << *wrong;
  }
  void expect_sound() {
    for (const Known& known : made_) expect_restores(known);
    const auto look = world_.scrub(ScrubMode::look);
    ASSERT_TRUE(look) << look.error().text();
    EXPECT_TRUE(look->sound()) << (look->findings.empty() ? "" : look->findings.front().what);
  }

  // What stands in the tables of all packs that are there.
  std::multiset<RecordName> stored() {
    std::multiset<RecordName> names;
    for (const auto& [pack, table] : tables()) {
      for (const TableEntry& entry : table) names.insert(entry.name);
    }
    return names;
  }
  std::map<PackId, std::vector<TableEntry>> tables() {
    std::map<PackId, std::vector<TableEntry>> all;
    for (const std::string& name : world_.folder().all_files()) {
      if (!name.starts_with("packs/")) continue;
      const auto file = *world_.folder().open(name);
      const PackTail tail = read_pack_tail(world_.loop(), *file)->tail;
      all[tail.pack] = *read_pack_table(world_.loop(), *file, tail);
    }
    return all;
  }
  // What the points that are there name, found out another way.
  std::multiset<RecordName> needed() {
    std::set<RecordName> names;
    const auto points = world_.points();
    EXPECT_TRUE(points);
    for (const SignedPoint& point : *points) {
      LocalSource source(repository());
      EXPECT_TRUE(walk_pages(
          source, point.point.root(),
          [&](const PageDigest& digest, const Page&) -> Result<void> {
            names.insert(record_name(digest));
            return {};
          },
          [](const PageDigest&, BlockRun, const Error& error) { FAIL() << error.text(); }));
      MapReader map(source, point.point.root());
      for (BlockIndex at; at < point.point.grid.all().end; at += BlockCount(1)) {
        if (!map.at(at)->is_zero()) names.insert(record_name(*map.at(at)));
      }
    }
    return {names.begin(), names.end()};
  }
  void expect_nothing_else_is_stored() {
    const auto there = stored();
    const auto wanted = needed();
    EXPECT_TRUE(there == wanted) << there.size() << " records, needed are " << wanted.size();
  }
  std::size_t count(const std::string& folder) {
    std::size_t n = 0;
    for (const std::string& name : world_.folder().all_files()) n += name.starts_with(folder);
    return n;
  }
  RecordPlace place_of(const RecordName& name) {
    std::optional<RecordPlace> place;
    EXPECT_TRUE(packs().look_up_to_read({&name, 1}, {&place, 1}));
    EXPECT_TRUE(place);
    return place.value_or(RecordPlace{});
  }
  void flip_in(const RecordPlace& place) {
    const std::string file = layout::pack(place.pack);
    const std::size_t at = place.at + sizeof(RecordHeaderOnDisk) + place.stored_length / 2;
    const std::byte flipped = world_.folder().content(file)[at] ^ std::byte{0x10};
    world_.folder().overwrite(file, ByteIndex(at), Bytes(&flipped, 1));
    packs().close_pack(place.pack);
  }
  RecordPlace needed_record_of_a_sparse_pack() {
    const auto wanted = needed();
    for (const auto& [pack, table] : tables()) {
      const auto is_needed = [&](const TableEntry& entry) { return wanted.contains(entry.name); };
      if (std::ranges::all_of(table, is_needed)) continue;
      const ByteVector bytes = world_.folder().content(layout::pack(pack));
      const auto found = std::ranges::find_if(table, [&](const TableEntry& entry) {
        return is_needed(entry) &&
               unpack_record(Bytes(bytes).subspan(entry.at))->header.kind == RecordKind::block;
      });
      if (found != table.end()) return {pack, found->at, found->stored_length};
    }
    ADD_FAILURE() << "no pack is needed in part";
    return {};
  }
  Fingerprint some_block_of(const SignedPoint& point) {
    LocalSource source(repository());
    MapReader map(source, point.point.root());
    for (BlockIndex at; at < point.point.grid.all().end; at += BlockCount(1)) {
      if (!map.at(at)->is_zero()) return *map.at(at);
    }
    return {};
  }

  std::unique_ptr<Random> random_ = test::test_random();
  FlowWorld world_{random_->next_u64()};
  test::StampedDisk disk_{*random_, 2_MiB + ByteCount(5000)};
  FlowWorld::BackupWishes wishes_;
  CollectRequest request_;
  std::vector<Known> made_;  // And there.
  std::vector<Known> pruned_;
};

TEST_F(CollectGarbage, FindsNoneWhereEveryPointStays) {
  disk_.write(100, 500);
  back_up();
  const auto before = world_.folder().all_files();
  const CollectReport report = collect();
  EXPECT_EQ(report.points, 2u);
  EXPECT_EQ(report.packs_removed + report.packs_rewritten + report.envelopes_removed, 0u);
  // The lock for readers is new, no more.
  EXPECT_LE(world_.folder().all_files().size(), before.size() + 1);
  expect_sound();
}

TEST_F(CollectGarbage, LeavesExactlyWhatThePointsNeedWhenNoDeadRecordMayStay) {
  request_.rewrite_from = 0;
  back_up_and_prune(7, 2);
  EXPECT_GT(stored().size(), needed().size());
  const CollectReport report = collect();
  EXPECT_GT(report.packs_removed, 0u);
  EXPECT_GT(report.freed, report.written);
  EXPECT_EQ(report.packs_left + report.packs_pardoned + report.obstacles.size(), 0u);
  expect_nothing_else_is_stored();
  expect_sound();
  const CollectReport again = collect();
  EXPECT_EQ(again.packs_removed + again.packs_rewritten, 0u);
  // And so it is for a process that knows nothing of all that.
  world_.close();
  expect_sound();
}

TEST_F(CollectGarbage, LeavesPacksThatAreDeadInASmallPartOnly) {
  disk_.write(0, 1000);
  back_up_and_prune(1, 1);
  request_.rewrite_from = 100;
  const CollectReport report = collect();
  EXPECT_EQ(report.packs_rewritten, 0u);
  EXPECT_GT(report.dead_kept, ByteCount(0));
  expect_sound();
  request_.rewrite_from = 1;
  EXPECT_GT(collect().packs_rewritten, 0u);
  expect_sound();
}

TEST_F(CollectGarbage, RemovesNothingWhenItOnlyLooks) {
  rewrite_disk();
  back_up_and_prune(1, 1);
  const auto before = world_.folder().all_files();
  request_.only_look = true;
  const CollectReport report = collect();
  EXPECT_GT(report.packs_unneeded + report.packs_sparse, 0u);
  EXPECT_EQ(world_.folder().all_files(), before);
}

TEST_F(CollectGarbage, RemovesEnvelopesOfKeysThatNothingNames) {
  rewrite_disk();
  back_up();
  const std::size_t envelopes = count("envelopes/");
  ASSERT_TRUE(world_.prune({.last = 1}));
  const SignedPoint gone = made_.front().point;
  made_.erase(made_.begin());
  // The key of the point that is gone.
  std::optional<OpenRuns::Registration> run(
      repository().open_runs().run_begins({gone.point.data_key, {}}));
  const CollectReport report = collect();
  EXPECT_EQ(report.packs_removed, 0u) << "a run that is under way may need them";
  EXPECT_EQ(report.envelopes_removed, 0u);
  run.reset();
  EXPECT_EQ(collect().envelopes_removed, 1u);
  EXPECT_EQ(count("envelopes/"), envelopes - 1);
  expect_sound();
}

TEST_F(CollectGarbage, LeavesEnvelopesOfARunThatHasNotYetWrittenAPack) {
  const std::size_t before = count("envelopes/");
  const RunStart start = new_run(world_, made_.front().point.point.volume);
  {
    const auto arena = *Arena::make(PackMemory::total(), nullptr);
    PackMemory memory(*arena);
    LocalSink sink(repository(), world_.workers(), memory);
    ASSERT_TRUE(sink.begin(start));
    EXPECT_EQ(collect().envelopes_removed, 0u);
    EXPECT_EQ(count("envelopes/"), before + 1);
  }
  EXPECT_EQ(collect().envelopes_removed, 1u);
  EXPECT_EQ(count("envelopes/"), before);
}

// Nobody can say what the points need that were in it.
TEST_F(CollectGarbage, RemovesNothingWhereTheFolderOfPointsIsGone) {
  const std::size_t packs = count("packs/");
  std::set<std::string> folders;
  for (const std::string& name : world_.folder().all_files()) {
    if (!name.starts_with("points/")) continue;
    folders.insert(name.substr(0, name.rfind('/')));
    ASSERT_TRUE(world_.folder().remove(name));
  }
  for (const std::string& folder : folders) ASSERT_TRUE(world_.folder().remove(folder));
  ASSERT_TRUE(world_.folder().remove("points"));
  const CollectReport report = collect();
  EXPECT_FALSE(report.obstacles.empty());
  EXPECT_EQ(count("packs/"), packs);
}

// ---- Others are at work. ----

// A run that was told that all is there, and commits just before the packs would go.
class OldRun {
 public:
  OldRun(FlowWorld& world, const SignedPoint& like)
      : world_(world),
        arena_(*Arena::make(PackMemory::total(), nullptr)),
        memory_(*arena_),
        sink_(std::make_unique<LocalSink>(**world.repository(), world.workers(), memory_)),
        point_(like.point) {
    const RunStart start = new_run(world, point_.volume);
    point_.data_key = start.data_key;
    const auto base = sink_->begin(start);
    EXPECT_TRUE(base) << base.error().text();
    const PointAbout about = *open_about(point_, world.key().id_key);
    point_.sequence = base->latest_name->sequence + 1;
    point_.predecessor = base->latest_name->id;
    point_.about = seal_about(about, point_, world.key().id_key, world.random());
  }
  bool is_told_of(const Fingerprint& print) {
    std::uint8_t known = 0;
    KnownQuery query;
    query.names = {&print, 1};
    query.known = {&known, 1};
    query.answered = [](KnownQuery&, Result<void> result) { EXPECT_TRUE(result); };
    sink_->look_up(query);
    return known == 1;
  }
  SignedPoint commit() {
    SignedPoint point = sign_point(point_, world_.key().signing_seed);
    EXPECT_TRUE(sink_->flush());
    EXPECT_TRUE(sink_->commit(point));
    sink_.reset();
    return point;
  }
  void give_up() { sink_.reset(); }

 private:
  FlowWorld& world_;
  std::unique_ptr<Arena> arena_;
  PackMemory memory_;
  std::unique_ptr<LocalSink> sink_;
  Point point_;
};

TEST_F(CollectGarbage, PardonsWhatARunThatWasToldOfItCommits) {
  rewrite_disk();
  back_up_and_prune(1, 1);
  const Fingerprint dead = some_block_of(pruned_.front().point);
  OldRun run(world_, pruned_.front().point);
  EXPECT_TRUE(run.is_told_of(dead));
  bool committed = false;
  const CollectReport report = collect([&]() -> Result<bool> {
    EXPECT_FALSE(run.is_told_of(dead)) << "nobody is told of what is condemned";
    made_.push_back({run.commit(), pruned_.front().content});
    committed = true;
    // Who reads finds it at any time.
    expect_restores(made_.back());
    return true;
  });
  EXPECT_TRUE(committed);
  EXPECT_GT(report.packs_pardoned, 0u);
  EXPECT_EQ(report.points, 2u);
  expect_sound();
  world_.close();
  expect_sound();
}

TEST_F(CollectGarbage, RemovesWhatARunThatGaveUpWasToldOf) {
  rewrite_disk();
  back_up_and_prune(1, 1);
  OldRun run(world_, pruned_.front().point);
  const CollectReport report = collect([&]() -> Result<bool> {
    run.give_up();
    return true;
  });
  EXPECT_EQ(report.packs_pardoned, 0u);
  EXPECT_GT(report.packs_removed, 0u);
  expect_sound();
}

TEST_F(CollectGarbage, LeavesItAllToTheNextOneWhenItShallNotWait) {
  rewrite_disk();
  back_up_and_prune(1, 1);
  const std::size_t before = count("packs/");
  OldRun run(world_, pruned_.front().point);
  const CollectReport report = collect();
  EXPECT_GT(report.packs_left, 0u);
  EXPECT_NE(report.waits_for, "");
  EXPECT_EQ(count("packs/"), before);
  EXPECT_TRUE(packs().condemned().empty());
  made_.push_back({run.commit(), pruned_.front().content});
  expect_sound();
}

TEST_F(CollectGarbage, ABackupThatBeginsAfterwardsShipsAgainWhatIsCondemned) {
  rewrite_disk();
  back_up_and_prune(1, 1);
  auto reader = std::make_unique<LocalSource>(repository());
  std::size_t shipped = 0;
  const CollectReport report = collect([&]() -> Result<bool> {
    // The disk is as it was in the point that is gone.
    const auto device = test::memory_device(world_.loop(), pruned_.front().content);
    const auto backed_up = world_.backup(*device, wishes_);
    EXPECT_TRUE(backed_up) << backed_up.error().text();
    shipped = backed_up->counts.shipped.size();
    made_.push_back({backed_up->point, pruned_.front().content});
    expect_restores(made_.back());
    reader.reset();
    return true;
  });
  EXPECT_GT(shipped, 0u);
  EXPECT_GT(report.packs_removed, 0u);
  EXPECT_EQ(report.packs_pardoned, 0u);
  expect_sound();
  world_.close();
  expect_sound();
}

TEST_F(CollectGarbage, WaitsForReadersThatMayHaveBeenToldWhereARecordLies) {
  request_.rewrite_from = 0;
  back_up_and_prune(5, 1);
  {
    LocalSource reader(repository());
    const Fingerprint print = some_block_of(made_.back().point);
    std::optional<RecordPlace> place;
    ASSERT_TRUE(reader.locate({&print, 1}, {&place, 1}));
    const CollectReport report = collect();
    EXPECT_GT(report.packs_left, 0u);
    EXPECT_TRUE(packs().read_record(*place, RecordKind::block, record_name(print)));
    EXPECT_TRUE(world_.folder().open(layout::pack(place->pack)));
  }
  const CollectReport report = collect();
  EXPECT_GT(report.packs_removed, 0u);
  EXPECT_EQ(report.packs_left, 0u);
  expect_nothing_else_is_stored();
  expect_sound();
}

TEST_F(CollectGarbage, LeavesPacksWhileAnotherProcessReads) {
  rewrite_disk();
  back_up_and_prune(3, 1);
  const std::size_t before = count("packs/");
  {
    // It shares nothing with the writer but the folder.
    const auto reader =
        Repository::open(world_.folder(), world_.loop(), world_.random(), StoreAccess::read);
    ASSERT_TRUE(reader) << reader.error().text();
    const CollectReport report = collect();
    EXPECT_GT(report.packs_left, 0u);
    EXPECT_EQ(report.waits_for, "another process reads this repository");
    EXPECT_GE(count("packs/"), before);
  }
  EXPECT_GT(collect().packs_removed, 0u);
  EXPECT_LT(count("packs/"), before);
  expect_sound();
}

TEST_F(CollectGarbage, IsNotDoneTwiceAtOnce) {
  rewrite_disk();
  back_up_and_prune(1, 1);
  auto reader = std::make_unique<LocalSource>(repository());
  collect([&]() -> Result<bool> {
    EXPECT_EQ(world_.collect().error().kind(), ErrorKind::busy);
    reader.reset();
    return true;
  });
  expect_sound();
}

// ---- Something is damaged. ----

TEST_F(CollectGarbage, RemovesNothingWhileAPageCannotBeRead) {
  rewrite_disk();
  back_up_and_prune(3, 2);
  const auto before = stored();
  flip_in(place_of(record_name(made_.back().point.point.map)));
  const CollectReport report = collect();
  ASSERT_FALSE(report.obstacles.empty());
  EXPECT_NE(report.obstacles.front().file.find(made_.back().point.id.hex()), std::string::npos);
  EXPECT_TRUE(stored() == before);
  ASSERT_TRUE(world_.scrub(ScrubMode::repair));
  EXPECT_GT(collect().packs_removed, 0u);
  expect_sound();
}

TEST_F(CollectGarbage, RemovesNothingWhileAPointCannotBeRead) {
  rewrite_disk();
  back_up_and_prune(3, 2);
  const auto before = stored();
  const SignedPoint& point = made_.front().point;
  const std::string file =
      layout::PointName{point.point.volume, point.point.sequence, point.id}.path();
  const ByteVector content = world_.folder().content(file);
  world_.folder().overwrite(file, ByteIndex(0), ByteVector(content.size(), std::byte{1}));
  EXPECT_EQ(collect().obstacles.size(), 1u);
  EXPECT_TRUE(stored() == before);
  world_.folder().overwrite(file, ByteIndex(0), content);
  EXPECT_GT(collect().packs_removed, 0u);
  expect_sound();
}

TEST_F(CollectGarbage, LeavesAPackAloneInWhichANeededRecordIsDamaged) {
  request_.rewrite_from = 0;
  // The first pack is needed in part.
  disk_.write(0, 1000);
  back_up();
  disk_.write(0, 2000);
  back_up_and_prune(1, 1);
  const RecordPlace place = needed_record_of_a_sparse_pack();
  flip_in(place);
  const CollectReport report = collect();
  EXPECT_TRUE(world_.folder().open(layout::pack(place.pack)));
  ASSERT_EQ(report.obstacles.size(), 1u);
  EXPECT_EQ(report.obstacles.front().file, layout::pack(place.pack));
  EXPECT_EQ(test::names_that_lie_twice(world_.folder(), world_.loop()).size(), 0u);
  ASSERT_TRUE(world_.scrub(ScrubMode::repair));
  const CollectReport again = collect();
  EXPECT_TRUE(again.obstacles.empty());
  expect_nothing_else_is_stored();
  expect_sound();
}

// After a crash a pack and its rewrite may both be there; which is found, and rots, is chance.
TEST_F(CollectGarbage, KeepsTheSoundCopyOfTwo) {
  const PackId old_pack = *packs().packs().begin();
  const ByteVector bytes = world_.folder().content(layout::pack(old_pack));
  request_.rewrite_from = 1;
  disk_.write(0, 1000);
  back_up();
  ASSERT_TRUE(world_.prune({.last = 1}));
  made_.erase(made_.begin());
  ASSERT_GT(collect().packs_rewritten, 0u);
  world_.close();
  // The old pack comes back, as if its removal had not survived.
  ASSERT_TRUE(publish_small_file(world_.folder(), world_.loop(), layout::pack(old_pack), bytes,
                                 "tmp/again"));
  const auto twice = test::names_that_lie_twice(world_.folder(), world_.loop());
  ASSERT_FALSE(twice.empty());
  flip_in(place_of(twice.front()));
  const CollectReport report = collect();
  EXPECT_FALSE(report.obstacles.empty());
  EXPECT_EQ(stored().count(twice.front()), 2u) << "the sound copy has gone";
  EXPECT_TRUE(world_.scrub(ScrubMode::repair)->mended());
  EXPECT_TRUE(collect().obstacles.empty());
  EXPECT_TRUE(test::names_that_lie_twice(world_.folder(), world_.loop()).empty());
  expect_sound();
}

TEST_F(CollectGarbage, OnAFullDiskGivesBackWhatItCanAndLosesNothing) {
  request_.rewrite_from = 1;
  rewrite_disk();
  back_up_and_prune(2, 2);
  for (int i = 0; i < 3; ++i) {
    disk_.write(random_->below(disk_.sectors()), 200);
    back_up();
  }
  ASSERT_TRUE(world_.prune({.last = 1}));
  made_.erase(made_.begin(), made_.end() - 1);
  world_.folder().full_from_write(world_.folder().writes());
  const CollectReport report = collect();
  EXPECT_EQ(report.packs_rewritten, 0u);
  EXPECT_NE(report.waits_for, "");
  EXPECT_GT(report.packs_removed, 0u);
  world_.folder().full_from_write(test::SimulatedFolder::never);
  expect_sound();
  EXPECT_GT(collect().packs_rewritten, 0u);
  expect_sound();
}

// Many volumes, many points, blocks that occur in several of them, and one collection after
// another.
TEST_F(CollectGarbage, OfAnyStoryLosesNothing) {
  std::map<std::string, std::vector<Known>> volumes;
  for (int step = 0; step < 60; ++step) {
    const std::uint64_t what = random_->below(10);
    if (what < 6) {
      disk_.change();
      wishes_.volume = fmt::format("disk{}", random_->below(3));
      const auto device = disk_.device(world_.loop());
      const auto report = world_.backup(*device, wishes_);
      ASSERT_TRUE(report) << report.error().text();
      volumes[wishes_.volume].push_back({report->point, copy_of(disk_.content())});
    } else if (what < 8) {
      const auto kept = static_cast<std::uint32_t>(1 + random_->below(4));
      ASSERT_TRUE(world_.prune({.last = kept}));
      for (auto& [volume, points] : volumes) {
        if (points.size() > kept) points.erase(points.begin(), points.end() - kept);
      }
      made_.clear();
    } else {
      request_.rewrite_from = static_cast<unsigned>(random_->below(60));
      const CollectReport report = collect();
      ASSERT_TRUE(report.obstacles.empty()) << report.obstacles.front().what;
      ASSERT_TRUE(test::names_that_lie_twice(world_.folder(), world_.loop()).empty());
    }
    if (random_->below(6) == 0) world_.close();
    if (random_->below(6) != 0) continue;
    for (const auto& [volume, points] : volumes) {
      for (const Known& known : points) expect_restores(known);
    }
    if (HasFatalFailure()) return;
  }
  request_.rewrite_from = 0;
  collect();
  expect_nothing_else_is_stored();
}

// Whenever the collector lets others run, they back up what was there at some time, prune, or keep
// a run open until it waits for them.
TEST_F(CollectGarbage, BesideOthersThatDoWhateverTheyLikeLosesNothing) {
  std::vector<ByteVector> contents;
  for (int i = 0; i < 5; ++i) {
    disk_.write(random_->below(disk_.sectors() - 1500), 1500);
    contents.push_back(copy_of(disk_.content()));
  }
  std::map<std::string, std::vector<Known>> volumes;
  const auto back_up_some = [&](const std::string& volume) {
    const ByteVector& content = contents[random_->below(contents.size())];
    wishes_.volume = volume;
    const auto device = test::memory_device(world_.loop(), content);
    const auto report = world_.backup(*device, wishes_);
    ASSERT_TRUE(report) << report.error().text();
    volumes[volume].push_back({report->point, content});
  };
  const auto one_of_three = [&] { return fmt::format("disk{}", random_->below(3)); };
  const auto prune_to = [&](std::uint32_t kept) {
    ASSERT_TRUE(world_.prune({.last = kept}));
    for (auto& [volume, points] : volumes) {
      if (points.size() > kept) points.erase(points.begin(), points.end() - kept);
    }
  };
  std::uint64_t removed = 0;
  for (int round = 0; round < 25; ++round) {
    back_up_some(one_of_three());
    back_up_some("own");
    const Known like = volumes["own"].back();
    disk_.write(random_->below(disk_.sectors() - 1500), 1500);
    contents[random_->below(contents.size())] = copy_of(disk_.content());
    back_up_some("own");
    prune_to(1);
    // It was told that all of a point that has gone is there.
    std::optional<OldRun> old_run(std::in_place, world_, like.point);
    request_.rewrite_from = static_cast<unsigned>(random_->below(40));
    const auto wait = [&]() -> Result<bool> {
      if (random_->below(2) == 0) volumes["own"].push_back({old_run->commit(), like.content});
      old_run.reset();
      return true;
    };
    const auto breathe = [&]() -> Result<void> {
      const std::uint64_t what = random_->below(12);
      if (what == 0) back_up_some(one_of_three());
      if (what == 1) prune_to(static_cast<std::uint32_t>(1 + random_->below(3)));
      return {};
    };
    const auto report = world_.collect(request_, wait, breathe);
    ASSERT_TRUE(report) << report.error().text();
    ASSERT_TRUE(report->obstacles.empty()) << report->obstacles.front().what;
    removed += report->packs_removed;
    old_run.reset();
    if (random_->below(3) == 0) world_.close();
    for (const auto& [name, points] : volumes) {
      for (const Known& known : points) expect_restores(known);
    }
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(removed, 0u);
}

}  // namespace
}  // namespace ebb
