// SPDX-License-Identifier: Apache-2.0
// What a storage agent takes for a run, and what a client that lies or confuses the order gets.
#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "tests/wire/agent/hosting.h"
#include "wire/limits.h"

namespace ebb::test {
namespace {

class AgentRun : public testing::Test {
 protected:
  ~AgentRun() noexcept override = default;
  template <class T>
  static void expect(const Result<T>& result, ErrorKind kind, const std::string& words = "") {
    ASSERT_FALSE(result) << "it was allowed";
    EXPECT_EQ(result.error().kind(), kind) << result.error().text();
    EXPECT_NE(result.error().text().find(words), std::string::npos) << result.error().text();
  }
  wire::Run::Client begin() {
    start_ = agent_.run_start(volume_);
    auto run = agent_.begin(*client_, start_);
    EBB_CHECK(run.has_value(), run ? "" : run.error().text());
    return *run;
  }
  // Nothing of it hangs: the volume can be backed up by the next one.
  void expect_next_run_works() {
    const auto other = agent_.open();
    const RunStart start = agent_.run_start(volume_);
    Result<wire::Run::Client> run = agent_.begin(*other, start);
    // The former ends as soon as its peer lets go of it, which takes a moment.
    for (int i = 0; i < 2000 && !run && run.error().kind() == ErrorKind::busy; ++i) {
      agent_.kj().wait_for(agent_.kj().io().provider->getTimer().afterDelay(5 * kj::MILLISECONDS));
      run = agent_.begin(*other, start);
    }
    ASSERT_TRUE(run) << run.error().text();
    const ByteVector record = agent_.record(3000);
    const auto put = agent_.put(*run, record);
    EXPECT_TRUE(put) << put.error().text();
    const auto committed = agent_.commit(*run, agent_.point(start).body);
    EXPECT_TRUE(committed) << committed.error().text();
    EXPECT_TRUE(agent_.holds(Hosting::name_in(record)));
    EXPECT_EQ(agent_.points().size(), 1u);
  }

  Hosting agent_;
  const VolumeId volume_ = agent_.random().name<VolumeId>();
  std::unique_ptr<Hosting::Client> client_ = agent_.open();
  RunStart start_;
};

TEST_F(AgentRun, KeepsWhatWasPutAndCommitted) {
  auto run = begin();
  const ByteVector record = agent_.record(3000);
  ASSERT_TRUE(agent_.put(run, record));
  EXPECT_FALSE(agent_.holds(Hosting::name_in(record)));
  ASSERT_TRUE(agent_.commit(run, agent_.point(start_).body));
  EXPECT_TRUE(agent_.holds(Hosting::name_in(record)));
  EXPECT_EQ(agent_.points().size(), 1u);
  // Again, since the answer may have been lost.
  const SignedPoint again = agent_.point(start_);
  EXPECT_TRUE(agent_.commit(run, again.body));
  EXPECT_TRUE(agent_.commit(run, again.body));
  EXPECT_EQ(agent_.points().size(), 2u);
}

// Through two connections, which share what the ticket allows.
TEST_F(AgentRun, GoesAsFastAsItsTicketSays) {
  constexpr std::size_t size = 60'000;
  agent_.allow("slow", {Verb::add, Verb::read}, std::nullopt, 2 * size);
  const auto one = agent_.open("slow");
  const auto other = agent_.open("slow");
  auto first = agent_.begin(*one, agent_.run_start(volume_)).value();
  auto second = agent_.begin(*other, agent_.run_start(agent_.random().name<VolumeId>())).value();
  const auto& timer = agent_.kj().io().provider->getTimer();
  const auto began = timer.now();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(agent_.put(first, agent_.record(size)));
    ASSERT_TRUE(agent_.put(second, agent_.record(size)));
  }
  // A second's worth was saved; the fourth begins half a second after the third.
  EXPECT_GE(timer.now() - began, 490 * kj::MILLISECONDS);
}

TEST_F(AgentRun, KeepsWhatArrivedOfAClientThatWentAway) {
  auto run = begin();
  const ByteVector record = agent_.record(3000);
  ASSERT_TRUE(agent_.put(run, record));
  { const auto gone = std::move(run); }
  client_.reset();
  expect_next_run_works();
  EXPECT_TRUE(agent_.holds(Hosting::name_in(record)));
}

TEST_F(AgentRun, TakesNoRecordThatIsNotSound) {
  auto run = begin();
  const ByteVector good = agent_.record(1000);
  const auto altered = [&](std::size_t at) {
    ByteVector bytes = good;
    bytes[at] ^= std::byte{0x40};
    return bytes;
  };
  // Magic, kind, codec, lengths, name, CRC, payload.
  for (const std::size_t at : {0u, 4u, 5u, 8u, 12u, 13u, 16u, 24u, 56u, 64u, 1063u}) {
    expect(agent_.put(run, altered(at)), ErrorKind::damaged);
  }
  for (const std::size_t size : {1u, 63u, 64u, 1063u}) {
    expect(agent_.put(run, Bytes(good).first(size)), ErrorKind::damaged);
  }
  ByteVector longer = good;
  longer.push_back(std::byte{0});
  expect(agent_.put(run, longer), ErrorKind::damaged);
  EXPECT_FALSE(agent_.holds(Hosting::name_in(good)));
}

// Whoever needs it relies on the one that is there.
TEST_F(AgentRun, ReplacesNoRecordThatTheRepositoryHas) {
  auto run = begin();
  const ByteVector first = agent_.record(900);
  ASSERT_TRUE(agent_.put(run, first));
  ASSERT_TRUE(agent_.commit(run, agent_.point(start_).body));
  const RunStart start = agent_.run_start(agent_.random().name<VolumeId>());
  auto other = agent_.begin(*client_, start);
  ASSERT_TRUE(other) << other.error().text();
  RecordHeader header = unpack_record(first).value().header;
  const ByteVector payload = random_bytes(agent_.random(), header.stored_length);
  ByteVector second(sizeof(RecordHeaderOnDisk));
  put_record_header(header, payload, second);
  append(second, payload);
  ASSERT_TRUE(agent_.put(*other, second));
  ASSERT_TRUE(agent_.commit(*other, agent_.point(start).body));
  EXPECT_EQ(agent_.content_of(header.name), first);
}

TEST_F(AgentRun, BeginsOnlyWithEnvelopesThatMembersOpen) {
  RunStart start = agent_.run_start(volume_);
  DataKey key;
  agent_.random().fill(key.room());
  const HpkePublicKey nobody = hpke_public_key(make_hpke_secret_key(agent_.random()));
  start.envelopes = {
      wrap_data_key(key, start.data_key, nobody, start.repository, agent_.random()).value()};
  expect(agent_.begin(*client_, start), ErrorKind::busy, "rotated");
  expect_next_run_works();
}

TEST_F(AgentRun, TakesNoRecordOfAnotherKind) {
  auto run = begin();
  const ByteVector payload = random_bytes(agent_.random(), 500);
  for (const RecordKind kind : {RecordKind::page, RecordKind::object}) {
    RecordHeader header;
    header.kind = kind;
    header.plain_length = header.stored_length = 500;
    header.name = agent_.random().name<RecordName>();
    ByteVector record(sizeof(RecordHeaderOnDisk));
    put_record_header(header, payload, record);
    append(record, payload);
    expect(agent_.put(run, record), ErrorKind::invalid, "another kind");
    EXPECT_FALSE(agent_.holds(header.name));
  }
}

TEST_F(AgentRun, TakesNoMoreAtOnceThanABatch) {
  auto run = begin();
  const auto put = [&](std::size_t sent, std::uint32_t length) -> Result<void> {
    auto request = run.putRequest();
    request.initRecords(static_cast<unsigned>(sent));
    request.setLength(length);
    TRY(agent_.send(request));
    return {};
  };
  expect(put(100, 101), ErrorKind::invalid);
  expect(put(0, 0xffffffff), ErrorKind::invalid);
  const std::size_t most = wire_limits::max_records.size();
  expect(put(most + 8, static_cast<std::uint32_t>(most + 1)), ErrorKind::invalid);
  EXPECT_TRUE(put(0, 0));
}

TEST_F(AgentRun, TakesOnlyPagesThatAreTheirDigest) {
  auto run = begin();
  const ByteVector page = random_bytes(agent_.random(), 4000);
  const PageDigest digest{sha256(page).bytes};
  expect(agent_.keep(run, digest, Bytes(page).first(3999)), ErrorKind::damaged, "digest");
  expect(agent_.keep(run, agent_.random().name<PageDigest>(), page), ErrorKind::damaged);
  expect(agent_.keep(run, {}, {}), ErrorKind::damaged);
  const ByteVector large(limits::max_small_object.size() + 1);
  expect(agent_.keep(run, PageDigest{sha256(large).bytes}, large), ErrorKind::invalid);
  EXPECT_TRUE(agent_.keep(run, digest, page));
  EXPECT_TRUE(agent_.keep(run, digest, page));
}

TEST_F(AgentRun, CommitsNoPointOfAnotherVolumeOrRepository) {
  auto run = begin();
  const auto commit = [&](const std::function<void(Point&)>& change) {
    return agent_.commit(run, agent_.point(start_, change).body);
  };
  expect(commit([&](Point& p) { p.volume = agent_.random().name<VolumeId>(); }), ErrorKind::denied);
  expect(commit([&](Point& p) { p.repository = agent_.random().name<RepositoryId>(); }),
         ErrorKind::denied);
  expect(commit([&](Point& p) { p.data_key = agent_.random().name<DataKeyId>(); }),
         ErrorKind::denied, "data key");
  EXPECT_TRUE(agent_.points().empty());
}

TEST_F(AgentRun, CommitsNoPointWithAWrongSignature) {
  auto run = begin();
  const SignedPoint point = agent_.point(start_);
  for (const std::size_t from_end : {1u, 32u, 64u}) {
    ByteVector body = point.body;
    body[body.size() - from_end] ^= std::byte{1};
    expect(agent_.commit(run, body), ErrorKind::denied, "signature");
  }
  // Signed by another than it names.
  ByteVector body = point.body;
  for (std::size_t at = 0; at < body.size() - Signature::size; ++at) {
    body[at] ^= std::byte{1};
    ASSERT_FALSE(agent_.commit(run, body)) << at;
    body[at] ^= std::byte{1};
    at += agent_.random().below(8);
  }
  expect(agent_.commit(run, {}), ErrorKind::damaged);
  EXPECT_TRUE(agent_.points().empty());
  EXPECT_TRUE(agent_.commit(run, point.body));
}

TEST_F(AgentRun, CommitsNoPointWhoseMapIsNotThere) {
  auto run = begin();
  const ByteVector page = random_bytes(agent_.random(), 4000);
  const PageDigest digest{sha256(page).bytes};
  const SignedPoint point = agent_.point(start_, [&](Point& p) { p.map = digest; });
  expect(agent_.commit(run, point.body), ErrorKind::absent, "map");
  EXPECT_TRUE(agent_.points().empty());
}

TEST_F(AgentRun, BeginsOnlyWithEnvelopesOfItsOwnDataKey) {
  RunStart start = agent_.run_start(volume_);
  const RunStart other = agent_.run_start(volume_);
  start.envelopes.push_back(other.envelopes.front());
  expect(agent_.begin(*client_, start), ErrorKind::invalid, "another data key");
  start.envelopes.clear();
  expect(agent_.begin(*client_, start), ErrorKind::invalid, "0 recipients");
  start.envelopes.assign(wire_limits::max_envelopes + 1, other.envelopes.front());
  expect(agent_.begin(*client_, start), ErrorKind::invalid, "recipients");
  RunStart elsewhere = agent_.run_start(volume_);
  elsewhere.repository = agent_.random().name<RepositoryId>();
  expect(agent_.begin(*client_, elsewhere), ErrorKind::mismatch, "belongs to repository");
  expect_next_run_works();
}

TEST_F(AgentRun, ReplacesNoEnvelopeOfAnother) {
  auto run = begin();
  ASSERT_TRUE(agent_.put(run, agent_.record(100)));
  ASSERT_TRUE(agent_.commit(run, agent_.point(start_).body));
  // The same data key and recipient, with other bytes: what was sealed would be noise.
  RunStart bad = start_;
  bad.volume = agent_.random().name<VolumeId>();
  bad.envelopes.front().wrapped[0] ^= std::byte{1};
  expect(agent_.begin(*client_, bad), ErrorKind::denied, "another envelope");
}

TEST_F(AgentRun, IsOfOneClientAtATime) {
  auto run = begin();
  const auto other = agent_.open();
  expect(agent_.begin(*other, agent_.run_start(volume_)), ErrorKind::busy, "under way");
  // The same run, begun again after a cut, takes the place of the former.
  const ByteVector record = agent_.record(700);
  ASSERT_TRUE(agent_.put(run, record));
  auto again = agent_.begin(*other, start_);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_TRUE(agent_.holds(Hosting::name_in(record)));
  expect(agent_.put(run, agent_.record(700)), ErrorKind::lost, "begun anew");
  expect(agent_.keep(run, {}, {}), ErrorKind::lost);
  expect(agent_.flush(run), ErrorKind::lost);
  expect(agent_.commit(run, agent_.point(start_).body), ErrorKind::lost);
  EXPECT_TRUE(agent_.points().empty());
  EXPECT_TRUE(agent_.put(*again, agent_.record(700)));
  EXPECT_TRUE(agent_.commit(*again, agent_.point(start_).body));
}

// Its client has ended, but the agent has not heard of it yet: the link was cut.
// A run that waits for its place when the agent is told to end gets it while the others end.
TEST(AgentsEnd, ComesWhileARunWaitsForItsPlace) {
  for (int turns = 0; turns < 20; ++turns) {
    StorageBounds bounds;
    bounds.runs = 1;
    Hosting agent(bounds, test::test_random());
    const auto first = agent.open();
    const auto run = agent.begin(*first, agent.run_start(agent.random().name<VolumeId>()));
    ASSERT_TRUE(run) << run.error().text();
    const auto second = agent.open();
    auto request = second->repository().backUpRequest();
    agent.put_start(agent.run_start(agent.random().name<VolumeId>()), request.initStart());
    const auto waiting = request.send();
    kj::Timer& timer = agent.kj().io().provider->getTimer();
    for (int i = 0; i < turns; ++i) agent.kj().wait_for(timer.afterDelay(1 * kj::MILLISECONDS));
    EXPECT_TRUE(agent.server().end());
  }
}

TEST_F(AgentRun, HoldsUpNobodyOnceItIsCommitted) {
  auto run = begin();
  ASSERT_TRUE(agent_.commit(run, agent_.point(start_).body));
  const auto other = agent_.open();
  const RunStart next = agent_.run_start(volume_);
  auto begun = agent_.begin(*other, next);
  ASSERT_TRUE(begun) << begun.error().text();
  expect(agent_.put(run, agent_.record(700)), ErrorKind::lost);
  EXPECT_TRUE(agent_.put(*begun, agent_.record(700)));
  EXPECT_TRUE(agent_.commit(*begun, agent_.point(next).body));
  EXPECT_EQ(agent_.points().size(), 2u);
}

// As a client does whose connection is cut while it begins.
TEST_F(AgentRun, BegunTwiceAtOnceIsOneRun) {
  for (int i = 0; i < 20; ++i) {
    start_ = agent_.run_start(volume_);
    const auto ask = [&](Hosting::Client& client) {
      auto request = client.repository().backUpRequest();
      agent_.put_start(start_, request.initStart());
      return request.send().then([](auto&& r) { return kj::mv(r); });
    };
    const auto other = agent_.open();
    auto first = ask(*client_);
    auto second = ask(*other);
    auto a = agent_.kj().wait_for(kj::mv(first));
    auto b = agent_.kj().wait_for(kj::mv(second));
    int usable = 0;
    for (auto* response : {&a, &b}) {
      if (response->isRefused()) continue;
      auto run = response->getRun();
      if (agent_.put(run, agent_.record(100))) ++usable;
    }
    EXPECT_EQ(usable, 1);
  }
}

TEST_F(AgentRun, TakesNothingWhileItIsBeingClosed) {
  for (int i = 0; i < 10; ++i) {
    auto run = begin();
    ASSERT_TRUE(agent_.put(run, agent_.record(900)));
    // All at once, without waiting for the flush.
    auto flushing = run.flushRequest().send().then([](auto&& r) { return !r.isRefused(); });
    std::vector<kj::Promise<bool>> puts;
    for (int k = 0; k < 4; ++k) {
      auto request = run.putRequest();
      const ByteVector record = agent_.record(900);
      request.setRecords(kj_bytes(record));
      request.setLength(static_cast<std::uint32_t>(record.size()));
      puts.push_back(request.send().then([](auto&& r) { return !r.isRefused(); }));
    }
    auto second = run.flushRequest().send().then([](auto&& r) { return !r.isRefused(); });
    const bool ended = agent_.kj().wait_for(
        flushing.then([](bool) { return true; })
            .exclusiveJoin(
                agent_.kj().io().provider->getTimer().afterDelay(60 * kj::SECONDS).then([] {
                  return false;
                })));
    ASSERT_TRUE(ended) << "a flush that never returns";
    for (auto& put : puts) agent_.kj().wait_for(kj::mv(put));
    agent_.kj().wait_for(kj::mv(second));
  }
  expect_next_run_works();
}

// A struct where bytes should be: whoever reads it is thrown out of the middle of a call.
TEST_F(AgentRun, EndsEvenWhenItsCallsMadeNoSense) {
  for (const std::uint16_t method :
       {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{2}, std::uint16_t{4}}) {
    auto run = begin();
    auto call = run.typelessRequest(capnp::typeId<wire::Run>(), method, nullptr);
    auto pointers = call.initAsAnyStruct(1, 2).getPointerSection();
    pointers[0].initAsAnyStruct(1, 0);
    pointers[1].initAsAnyStruct(1, 0);
    const auto answered = catching([&] { agent_.kj().wait_for(call.send().ignoreResult()); });
    EXPECT_FALSE(answered) << method;
    { const auto gone = std::move(run); }
    client_ = agent_.open();
  }
  expect_next_run_works();
}

}  // namespace
}  // namespace ebb::test
