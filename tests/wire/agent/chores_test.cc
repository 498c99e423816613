// SPDX-License-Identifier: Apache-2.0
// Chores at a storage agent: who may ask for one, one at a time, beside backups, and what becomes
// of it when its peer or the agent goes.
#include "wire/agent/chores.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/wire/agent/hosting.h"
#include "wire/chore_message.h"

namespace ebb::test {
namespace {

using namespace std::chrono_literals;

Chore scrub(ScrubMode mode = ScrubMode::look) {
  return ScrubChore{mode};
}
Chore collect() {
  return CollectChore{};
}
Chore keep_last(std::uint32_t count) {
  PruneChore chore;
  chore.request.rule.last = count;
  return chore;
}

class AgentChores : public testing::Test {
 protected:
  ~AgentChores() noexcept override = default;
  template <class T>
  static void expect(const Result<T>& result, ErrorKind kind, const std::string& words = "") {
    ASSERT_FALSE(result) << "it was allowed";
    EXPECT_EQ(result.error().kind(), kind) << result.error().text();
    EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
  }
  ChoreId new_id() { return agent_.random().name<ChoreId>(); }
  void sleep() {
    agent_.kj().wait_for(agent_.kj().io().provider->getTimer().afterDelay(5 * kj::MILLISECONDS));
  }

  // Nothing: it is under way.
  Result<std::optional<ChoreReport>> ask(Hosting::Client& client, const ChoreId& id,
                                         const Chore& chore, bool stop = false) {
    auto request = client.repository().doChoreRequest();
    request.setId(kj_bytes(id.view()));
    put_chore(chore, request.initChore());
    request.setStop(stop);
    const auto answer = TRY(agent_.send(request));
    std::optional<ChoreReport> report;
    if (answer.isUnderWay()) return report;
    TRY(take_report(answer, report));
    EXPECT_FALSE(answer.getMore());
    return report;
  }
  Result<ChoreReport> to_its_end(Hosting::Client& client, const ChoreId& id, const Chore& chore,
                                 bool stop = false) {
    for (;;) {
      auto report = TRY(ask(client, id, chore, stop));
      if (report) return std::move(*report);
    }
  }
  Result<ChoreReport> to_its_end(Hosting::Client& client, const Chore& chore) {
    return to_its_end(client, new_id(), chore);
  }
  // A point of this volume, with a record of its own.
  RecordName back_up(const VolumeId& volume) {
    const auto client = agent_.open();
    const RunStart start = agent_.run_start(volume);
    Result<wire::Run::Client> run = agent_.begin(*client, start);
    for (int i = 0; i < 2000 && !run && run.error().kind() == ErrorKind::busy; ++i) {
      sleep();
      run = agent_.begin(*client, start);
    }
    EBB_CHECK(run.has_value(), run ? "" : run.error().text());
    const ByteVector record = agent_.record(3000);
    EXPECT_TRUE(agent_.put(*run, record));
    const auto sequence = ++sequence_;
    const auto committed =
        agent_.commit(*run, agent_.point(start, [&](Point& p) { p.sequence = sequence; }).body);
    EXPECT_TRUE(committed) << committed.error().text();
    return Hosting::name_in(record);
  }

  Hosting agent_;
  const VolumeId volume_ = agent_.random().name<VolumeId>();
  std::unique_ptr<Hosting::Client> client_ = agent_.open();
  std::uint64_t sequence_ = 0;
};

TEST_F(AgentChores, ArePermittedToWhomTheyAreForAndNobodyElse) {
  agent_.allow("source", {Verb::add, Verb::read, Verb::keys}, {{volume_}});
  agent_.allow("scrubber", {Verb::scrub});
  agent_.allow("some", {Verb::administer}, {{volume_}});
  agent_.allow("operator", {Verb::read, Verb::keys, Verb::administer});
  const Chore all[] = {keep_last(1), collect(), scrub(), scrub(ScrubMode::repair)};
  for (const Chore& chore : all) {
    expect(to_its_end(*agent_.open("source"), chore), ErrorKind::denied, "administer");
    expect(to_its_end(*agent_.open("some"), chore), ErrorKind::denied, "whole repository");
    const auto done = to_its_end(*agent_.open("operator"), chore);
    EXPECT_TRUE(done) << done.error().text();
  }
  EXPECT_TRUE(to_its_end(*agent_.open("scrubber"), scrub(ScrubMode::repair)));
  expect(to_its_end(*agent_.open("scrubber"), keep_last(1)), ErrorKind::denied, "administer");
  expect(to_its_end(*agent_.open("scrubber"), collect()), ErrorKind::denied, "administer");
}

TEST_F(AgentChores, RemovePointsAndWhatOnlyTheyNeeded) {
  for (int i = 0; i < 4; ++i) back_up(volume_);
  const auto pruned = to_its_end(*client_, keep_last(1));
  ASSERT_TRUE(pruned) << pruned.error().text();
  EXPECT_EQ(std::get<PruneReport>(*pruned).removed, 3u);
  EXPECT_EQ(std::get<PruneReport>(*pruned).plan.points.size(), 4u);
  EXPECT_EQ(agent_.points().size(), 1u);
  const auto collected = to_its_end(*client_, collect());
  ASSERT_TRUE(collected) << collected.error().text();
  // The points are all zero, so nothing needs their records; the last run may not have ended yet.
  EXPECT_GE(std::get<CollectReport>(*collected).packs_removed, 3u);
  EXPECT_FALSE(std::get<CollectReport>(*collected).freed.none());
}

TEST_F(AgentChores, DoNotShortenTheMinimumAge) {
  for (int i = 0; i < 3; ++i) back_up(volume_);
  Chore raise = keep_last(1);
  std::get<PruneChore>(raise).raise_minimum_age = 24h;
  const auto raised = to_its_end(*client_, raise);
  ASSERT_TRUE(raised) << raised.error().text();
  EXPECT_EQ(std::get<PruneReport>(*raised).removed, 0u);
  EXPECT_EQ(std::get<PruneReport>(*raised).plan.minimum_age, 24h);
  Chore lower = keep_last(1);
  std::get<PruneChore>(lower).raise_minimum_age = 1h;
  expect(to_its_end(*client_, lower), ErrorKind::denied, "never lowered");
  const auto again = to_its_end(*client_, keep_last(1));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(std::get<PruneReport>(*again).removed, 0u);
  EXPECT_EQ(agent_.points().size(), 3u);
}

TEST_F(AgentChores, WaitForTheRunsThatWereThereAndAreOneAtATime) {
  back_up(volume_);
  back_up(volume_);
  ASSERT_TRUE(to_its_end(*client_, keep_last(1)));
  const auto other = agent_.open();
  const RunStart start = agent_.run_start(agent_.random().name<VolumeId>());
  std::optional<wire::Run::Client> run = agent_.begin(*other, start).value();
  const ChoreId id = new_id();
  const auto begun = ask(*client_, id, collect());
  ASSERT_TRUE(begun) << begun.error().text();
  EXPECT_FALSE(begun->has_value());
  // Asked by whoever, by another connection, it is the same.
  EXPECT_FALSE(ask(*agent_.open(), id, collect())->has_value());
  expect(ask(*client_, new_id(), scrub()), ErrorKind::busy, "collect");
  expect(ask(*client_, new_id(), keep_last(1)), ErrorKind::busy, "under way");
  // Backups begin and end meanwhile.
  back_up(volume_);
  run.reset();
  const auto collected = to_its_end(*client_, id, collect());
  ASSERT_TRUE(collected) << collected.error().text();
  EXPECT_GT(std::get<CollectReport>(*collected).packs_removed, 0u);
  EXPECT_EQ(std::get<CollectReport>(*collected).waits_for, "");
  // What has ended can be asked for once more, and is not done again.
  const auto again = to_its_end(*client_, id, collect());
  ASSERT_TRUE(again);
  EXPECT_EQ(std::get<CollectReport>(*again).packs_removed,
            std::get<CollectReport>(*collected).packs_removed);
}

TEST_F(AgentChores, GoOnWithoutTheirPeerAndStopWhenTheyAreTold) {
  back_up(volume_);
  const auto other = agent_.open();
  const RunStart start = agent_.run_start(agent_.random().name<VolumeId>());
  const auto run = agent_.begin(*other, start).value();
  const ChoreId id = new_id();
  ASSERT_FALSE(ask(*client_, id, collect())->has_value());
  client_.reset();
  const auto next = agent_.open();
  EXPECT_FALSE(ask(*next, id, collect())->has_value());
  expect(to_its_end(*next, id, collect(), true), ErrorKind::busy, "interrupted");
  // A wish to stop begins nothing.
  expect(ask(*next, new_id(), collect(), true), ErrorKind::busy, "interrupted");
  EXPECT_TRUE(to_its_end(*next, scrub()));
}

// Its destructor ends the agent: would that wait for the collection, which waits for the run, the
// test would not end.
TEST_F(AgentChores, EndWithTheAgent) {
  back_up(volume_);
  const RunStart start = agent_.run_start(agent_.random().name<VolumeId>());
  const auto run = agent_.begin(*client_, start).value();
  EXPECT_FALSE(ask(*agent_.open(), new_id(), collect())->has_value());
}

TEST_F(AgentChores, ScrubsFindAndMendPlantedDamage) {
  back_up(volume_);
  std::string pack;
  for (const auto& entry : std::filesystem::directory_iterator(agent_.folder() + "/packs")) {
    pack = entry.path();
  }
  {
    std::fstream file(pack, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(200);
    file.write("rotten", 6);
  }
  const auto looked = to_its_end(*client_, scrub());
  ASSERT_TRUE(looked) << looked.error().text();
  EXPECT_FALSE(std::get<ScrubReport>(*looked).sound());
  const auto mended = to_its_end(*client_, scrub(ScrubMode::repair));
  ASSERT_TRUE(mended) << mended.error().text();
  EXPECT_TRUE(std::get<ScrubReport>(*mended).mended());
  EXPECT_EQ(std::get<ScrubReport>(*mended).findings.size(), 1u);
  const auto sound = to_its_end(*client_, scrub());
  ASSERT_TRUE(sound) << sound.error().text();
  EXPECT_TRUE(std::get<ScrubReport>(*sound).sound());
}

TEST_F(AgentChores, RefuseWhatMakesNoSense) {
  auto request = client_->repository().doChoreRequest();
  request.setId(kj_bytes(new_id().view()));
  request.initChore().initCollect().setRewriteFrom(101);
  expect(agent_.send(request), ErrorKind::invalid, "percent");
  auto short_id = client_->repository().doChoreRequest();
  short_id.setId(kj_bytes(Bytes(new_id().view()).first(8)));
  short_id.initChore().initScrub();
  expect(agent_.send(short_id), ErrorKind::invalid, "8 bytes");
  auto volume = client_->repository().doChoreRequest();
  volume.setId(kj_bytes(new_id().view()));
  volume.initChore().initPrune().setVolume(kj_bytes(bytes_of("three")));
  expect(agent_.send(volume), ErrorKind::invalid, "5 bytes");
  auto age = client_->repository().doChoreRequest();
  age.setId(kj_bytes(new_id().view()));
  age.initChore().initPrune().setRaiseMinimumAge(~0ull);
  expect(agent_.send(age), ErrorKind::invalid, "age");
  // A folder without a repository.
  const auto empty = agent_.open("all", "empty");
  expect(to_its_end(*empty, scrub()), ErrorKind::absent, "init");
}

TEST(NearlyFullDisk, TakesNoNewRunAndSaysWhy) {
  StorageBounds bounds;
  bounds.room_to_leave.bytes = ByteCount(std::uint64_t{1} << 60);
  Hosting agent(bounds, test_random());
  const auto client = agent.open();
  const auto run = agent.begin(*client, agent.run_start(agent.random().name<VolumeId>()));
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().kind(), ErrorKind::full) << run.error().text();
  EXPECT_NE(run.error().text().find("no backup begins"), std::string::npos) << run.error().text();
}

// A report of any length arrives whole, in as many parts as it takes.
TEST(ChoreMessage, CarriesReportsInParts) {
  const auto random = test_random();
  ScrubReport report;
  report.packs = 7;
  report.records_lost = 3;
  for (int i = 0; i < 3000; ++i) {
    report.findings.push_back({fmt::format("packs/{}", i), "it is wrong", i % 2 == 0, i % 3 == 0});
    PointDamage damage{random->name<VolumeId>(), random->name<PointId>(), {}};
    damage.damage.what = "a hole";
    damage.damage.blocks = BlockRun::of(BlockIndex(static_cast<std::uint64_t>(i)), BlockCount(2));
    if (i % 2 == 0) damage.damage.place = RecordPlace{random->name<PackId>(), 17, 18};
    report.points.push_back(std::move(damage));
  }
  const ChoreReport sent(std::move(report));
  std::optional<ChoreReport> taken;
  std::uint64_t parts = 0;
  for (std::uint64_t from = 0;;) {
    capnp::MallocMessageBuilder message;
    auto answer = message.initRoot<wire::ChoreAnswer>();
    put_report(sent, from, answer);
    const auto came = take_report(answer.asReader(), taken);
    ASSERT_TRUE(came) << came.error().text();
    from += *came;
    ++parts;
    if (!answer.getMore()) break;
  }
  EXPECT_GT(parts, 2u);
  const auto& before = std::get<ScrubReport>(sent);
  const auto& after = std::get<ScrubReport>(*taken);
  EXPECT_EQ(after.packs, 7u);
  EXPECT_EQ(after.records_lost, 3u);
  ASSERT_EQ(after.findings.size(), before.findings.size());
  ASSERT_EQ(after.points.size(), before.points.size());
  for (std::size_t i = 0; i < before.points.size(); ++i) {
    EXPECT_EQ(after.findings[i].file, before.findings[i].file);
    EXPECT_EQ(after.findings[i].mended, before.findings[i].mended);
    EXPECT_EQ(after.findings[i].known, before.findings[i].known);
    EXPECT_EQ(after.points[i].point, before.points[i].point);
    EXPECT_EQ(after.points[i].volume, before.points[i].volume);
    EXPECT_EQ(after.points[i].damage.blocks.begin, before.points[i].damage.blocks.begin);
    EXPECT_EQ(after.points[i].damage.place.has_value(), before.points[i].damage.place.has_value());
  }
}

}  // namespace
}  // namespace ebb::test
