// SPDX-License-Identifier: Apache-2.0
// What enrolled hosts get over the control port, and what they are refused there.
#include "tests/wire/control/manager/manager_folder.h"
#include "tests/wire/control/running_manager.h"
#include "wire/control/bounded.h"
#include "wire/control/client/connection.h"
#include "wire/control/client/renewal.h"
#include "wire/control/protocol.h"
#include "wire/error_bridge.h"
#include "wire/schema/control.capnp.h"

namespace ebb::control::test {
namespace {

class ControlTest : public testing::Test {
 protected:
  ControlTest() {
    Store& store = manager_.store();
    EXPECT_TRUE(
        store.catalog().create_repository("main", store.hosts().named("store1").value(), now_));
    EXPECT_TRUE(store.policies().set(policy("web"), now_));
  }
  static Policy policy(const std::string& name) {
    Policy made;
    made.name = name;
    made.repository = "main";
    made.volumes = {"web1:/dev/vg0/*", "web*:/dev/sdb"};
    made.every_seconds = 3600;
    made.keep.daily = 14;
    made.bytes_per_second = 50'000'000;
    made.window = {1320, 360};
    made.before = "fsfreeze -f /srv";
    made.settings = {"snapshot=lvm", "threads=1"};
    return made;
  }
  static Result<std::unique_ptr<ControlClient>> connect(const Identity& identity) {
    return ControlClient::connect(identity, "control_test 1");
  }
  // Without looking at the own certificate first, as a hostile client would.
  Result<void> hello_as(const Connection::MakeTls& make_tls) {
    return catching([&]() -> Result<void> {
      const auto connection = TRY(Connection::open(manager_.control(), make_tls));
      auto request = connection->bootstrap().castAs<wire::Manager>().helloRequest();
      connection->wait(request.send().dropPipeline());
      return {};
    });
  }
  // Another host's ticket, while this thread has a client of its own.
  static Result<IssuedTicket> ticket_of(const Identity& identity, Verbs verbs,
                                        const VolumeToClaim& volume) {
    return elsewhere([&] { return connect(identity).value()->ticket("main", verbs, {volume}); });
  }
  static VolumeToClaim volume(unsigned char fill, const std::string& by = "") {
    VolumeToClaim claim{{}, "/dev/sda", by};
    claim.volume.bytes.fill(std::byte{fill});
    return claim;
  }

  const WallTime now_ = system_clock().wall();
  RunningManager manager_;
  const Identity store1_ = manager_.enroll_host("store1", Role::storage);
  const Identity web1_ = manager_.enroll_host("web1", Role::source);
  const Identity web2_ = manager_.enroll_host("web2", Role::source);
};

TEST_F(ControlTest, GivesASourceATicketForItsVolumes) {
  const auto client = connect(web1_).value();
  const auto issued = client->ticket("main", {Verb::add, Verb::read}, {volume(1, "web")});
  ASSERT_TRUE(issued) << issued.error().text();
  const Ticket& ticket = issued->ticket;
  EXPECT_TRUE(
      check_ticket(ticket, web1_.holder(), "main", store1_.holder(), system_clock().wall()));
  const TicketVolume own = volume(1).volume.bytes;
  const TicketVolume other = volume(2).volume.bytes;
  EXPECT_TRUE(permits(ticket, Verb::add, &own));
  EXPECT_FALSE(permits(ticket, Verb::add, &other));
  EXPECT_EQ(ticket.bytes_per_second, 50'000'000u);
  EXPECT_EQ((ticket.not_after.nanoseconds - ticket.not_before.nanoseconds) / second,
            source_ticket_seconds);
}

TEST_F(ControlTest, RefusesASourceWhatIsNotItsOwn) {
  const auto client = connect(web1_).value();
  EXPECT_REFUSED(client->ticket("main", {Verb::administer}, {volume(1)}), ErrorKind::denied,
                 "administer");
  EXPECT_REFUSED(client->ticket("main", {Verb::add, Verb::prune}, {volume(1)}), ErrorKind::denied,
                 "prune");
  EXPECT_REFUSED(client->ticket("none", {Verb::add}, {volume(1)}), ErrorKind::absent, "none");
  EXPECT_REFUSED(client->ticket("main", {Verb::add}, {volume(1, "none")}), ErrorKind::absent,
                 "none");
  ASSERT_TRUE(client->ticket("main", {Verb::add}, {volume(1)}));
  EXPECT_REFUSED(ticket_of(web2_, {Verb::read}, volume(1)), ErrorKind::denied, "belongs to web1");
  const Identity mail = elsewhere([&] { return manager_.enroll_host("mail", Role::source); });
  EXPECT_REFUSED(ticket_of(mail, {Verb::add}, volume(9)), ErrorKind::denied, "no policy lets mail");
}

TEST_F(ControlTest, ClaimsNothingByATicketThatIsRefused) {
  const auto client = connect(web1_).value();
  EXPECT_FALSE(client->ticket("main", {Verb::administer}, {volume(1)}));
  EXPECT_TRUE(ticket_of(web2_, {Verb::add}, volume(1)));
}

TEST_F(ControlTest, GivesAnOperatorTicketsForAllVolumesAndTheListOfRepositories) {
  const Identity ann = manager_.enroll_host("ann", Role::operator_);
  const auto client = connect(ann).value();
  const auto issued = client->ticket("main", {Verb::read, Verb::administer, Verb::keys}, {});
  ASSERT_TRUE(issued) << issued.error().text();
  EXPECT_TRUE(issued->ticket.all_volumes);
  EXPECT_EQ((issued->ticket.not_after.nanoseconds - issued->ticket.not_before.nanoseconds) / second,
            operator_ticket_seconds);
  EXPECT_REFUSED(client->ticket("main", {Verb::add}, {}), ErrorKind::denied, "add");
  const auto repositories = client->repositories().value();
  ASSERT_EQ(repositories.size(), 1u);
  EXPECT_EQ(repositories[0].storage, "store1");
  EXPECT_EQ(repositories[0].holder, store1_.holder());
}

TEST_F(ControlTest, TellsASourceItsPoliciesAndWhatToRun) {
  const auto client = connect(web1_).value();
  const auto orders = client->poll_source().value();
  ASSERT_EQ(orders.policies.size(), 1u);
  EXPECT_EQ(orders.policies[0].volumes, (std::vector<std::string>{"/dev/vg0/*", "/dev/sdb"}));
  EXPECT_EQ(orders.policies[0].window_begin, 1320u);
  EXPECT_EQ(orders.policies[0].before, "fsfreeze -f /srv");
  EXPECT_EQ(orders.policies[0].settings, (std::vector<std::string>{"snapshot=lvm", "threads=1"}));
  EXPECT_TRUE(orders.runs.empty());
  ASSERT_TRUE(manager_.store().policies().request_run("web", now_));
  const auto asked = client->poll_source().value();
  ASSERT_EQ(asked.runs.size(), 1u);
  JobToReport job;
  job.id = system_random().name<WireJobId>();
  job.kind = "backup";
  job.policy = "web";
  job.run = asked.runs[0].number;
  job.started = now_;
  job.ended = now_;
  job.outcome = Outcome::failed;
  job.message = std::string(5000, 'x');  // Cut to its bound.
  ASSERT_TRUE(client->report_jobs({job}));
  EXPECT_TRUE(client->poll_source().value().runs.empty());
  EXPECT_EQ(manager_.store().jobs().newest(10).value().at(0).outcome, JobOutcome::failed);
}

TEST_F(ControlTest, TellsAStorageAgentWhoWasRevokedAndWhatToKeep) {
  ASSERT_TRUE(connect(web1_).value()->ticket("main", {Verb::add}, {volume(1, "web")}));
  const auto client = connect(store1_).value();
  const auto before = client->poll_storage("store1.example:8442", {}).value();
  EXPECT_TRUE(before.revoked.empty());
  ASSERT_EQ(before.repositories.size(), 1u);
  ASSERT_EQ(before.repositories[0].keep.size(), 1u);
  EXPECT_EQ(before.repositories[0].keep[0].daily, 14u);
  EXPECT_EQ(manager_.store().catalog().repository("main").value().address, "store1.example:8442");
  ASSERT_TRUE(manager_.store().hosts().revoke("web1", now_));
  const auto after = client->poll_storage("", before.heard).value();
  EXPECT_EQ(after.revoked, (std::vector<HolderId>{web1_.holder()}));
  const auto again = client->poll_storage("", after.heard).value();
  EXPECT_TRUE(again.revoked.empty());
  EXPECT_EQ(again.heard, after.heard);
}

TEST_F(ControlTest, TellsAStorageAgentWhatToKeepOfMoreVolumesThanFitInAMessage) {
  constexpr std::size_t count = 3 * max_kept_volumes;
  const Host web1 = manager_.store().hosts().named("web1").value();
  std::vector<VolumeClaimRow> claims(count);
  for (VolumeClaimRow& claim : claims) {
    system_random().fill(claim.volume.bytes);
    claim.policy = "web";
  }
  ASSERT_TRUE(manager_.store().catalog().claim("main", web1, claims));
  const auto orders = connect(store1_).value()->poll_storage("", {});
  ASSERT_TRUE(orders) << orders.error().text();
  std::set<WireVolumeId> kept;
  for (const KeepOrder& order : orders->repositories.at(0).keep) kept.insert(order.volume);
  EXPECT_EQ(kept.size(), count);
}

TEST_F(ControlTest, TellsAllRevocationsToWhoHeardThemFromAnotherDatabase) {
  ASSERT_TRUE(manager_.store().hosts().revoke("web1", now_));
  const auto client = connect(store1_).value();
  // The same number was another's, before a copy of the database was put back.
  for (const HeardRevocations& heard :
       {HeardRevocations{1, web2_.holder(), now_}, HeardRevocations{7, web1_.holder(), now_},
        HeardRevocations{1, web1_.holder(), {now_.nanoseconds - 1}}}) {
    const auto told = client->poll_storage("", heard).value();
    EXPECT_EQ(told.revoked, (std::vector<HolderId>{web1_.holder()}));
    EXPECT_EQ(told.heard, (HeardRevocations{1, web1_.holder(), now_}));
  }
}

TEST_F(ControlTest, TakesAllPointsOfARepositoryInAsManyMessagesAsItNeeds) {
  std::vector<PointToTell> points(2500);
  for (PointToTell& point : points) {
    system_random().fill(point.point.bytes);
    point.arrived = now_;
  }
  const auto client = connect(store1_).value();
  const auto id = system_random().name<WireRepositoryId>();
  ASSERT_TRUE(client->tell_points("main", id, points, ToldMark{}));
  EXPECT_EQ(manager_.store().catalog().repository("main").value().points, 2500u);
  ASSERT_TRUE(client->tell_points("main", id, {}, ToldMark{}));
  EXPECT_EQ(manager_.store().catalog().repository("main").value().points, 0u);
}

TEST_F(ControlTest, TakesPointsThatComeLaterAndNamesTheListingTheyBelongTo) {
  std::vector<PointToTell> points(3);
  for (PointToTell& point : points) system_random().fill(point.point.bytes);
  const auto client = connect(store1_).value();
  EXPECT_EQ(client->poll_storage("", {}).value().repositories[0].listing, 0u);
  const auto first = system_random().name<ToldMark>();
  const auto second = system_random().name<ToldMark>();
  const auto listing =
      client->tell_points("main", system_random().name<WireRepositoryId>(), {points[0]}, first)
          .value();
  EXPECT_EQ(client->poll_storage("", {}).value().repositories[0].listing, listing);
  EXPECT_EQ(client->poll_storage("", {}).value().repositories[0].told, first);
  ASSERT_TRUE(client->tell_more_points(listing, {points[1], points[2]}, second));
  EXPECT_EQ(client->poll_storage("", {}).value().repositories[0].told, second);
  EXPECT_EQ(manager_.store().catalog().repository("main").value().points, 3u);
  EXPECT_REFUSED(client->tell_more_points(listing + 1, {points[0]}, first), ErrorKind::absent,
                 "listing");
}

TEST_F(ControlTest, GivesStorageAgentsACopyOfItsState) {
  // More than one message of it.
  for (int i = 0; i < 2000; ++i) {
    std::array<std::byte, 500> noise;
    system_random().fill(noise);
    ASSERT_TRUE(manager_.store().audit().append(now_, "test", "noise", to_hex(noise), ""));
  }
  const auto client = connect(store1_).value();
  const auto given = client->newer_copy(std::nullopt);
  ASSERT_TRUE(given) << given.error().text();
  const auto& copy = *given;
  ASSERT_TRUE(copy);
  EXPECT_GT(copy->bytes.size(), max_copy_part);
  EXPECT_TRUE(open_state(copy->bytes, manager_.store().recovery_key()));
  EXPECT_FALSE(client->newer_copy(copy->digest).value());
  EXPECT_TRUE(client->newer_copy(CopyDigest{}).value());
  EXPECT_REFUSED(elsewhere([&] { return connect(web1_).value()->newer_copy(std::nullopt); }),
                 ErrorKind::denied, "no right");
}

TEST_F(ControlTest, RenewsACertificateForTheSameKeyOnly) {
  const auto client = connect(web1_).value();
  const auto renewed = client->renew_certificate();
  ASSERT_TRUE(renewed) << renewed.error().text();
  ASSERT_TRUE(replace_certificate(manager_.state_folder("web1"), web1_, *renewed));
  const Identity again = read_identity(manager_.state_folder("web1")).value();
  EXPECT_EQ(again.holder(), web1_.holder());
  EXPECT_TRUE(elsewhere([&] { return connect(again).has_value(); }));
  EXPECT_REFUSED(replace_certificate(manager_.state_folder("web1"), web2_, *renewed),
                 ErrorKind::mismatch, "not that of this host's key");
}

TEST_F(ControlTest, RenewsACertificateLongBeforeItEnds) {
  const auto client = connect(web1_).value();
  const std::string folder = manager_.state_folder("web1");
  EXPECT_FALSE(renew_certificate_when_due(*client, web1_, folder, now_).value());
  const auto renewed = renew_certificate_when_due(*client, web1_, folder, days_after(now_, 300));
  ASSERT_TRUE(renewed) << renewed.error().text();
  ASSERT_TRUE(*renewed);
  EXPECT_EQ(read_identity(folder).value().certificate, **renewed);
}

TEST_F(ControlTest, RenewsNoCertificateForAnotherKey) {
  const auto result = catching([&]() -> Result<void> {
    const auto connection = TRY(Connection::open(manager_.control(), [&](kj::Timer& timer) {
      return mutual_tls(web1_.tls(), web1_.authority, timer);
    }));
    auto hello = connection->bootstrap().castAs<wire::Manager>().helloRequest();
    hello.initProtocol().setOldest(oldest_protocol);
    hello.getProtocol().setNewest(newest_protocol);
    const auto greeted = connection->wait(hello.send().dropPipeline());
    auto renew = greeted.getAnswer().getSource().renewRequest();
    renew.setRequest(as_data(web2_.key.request()));
    const auto response = connection->wait(renew.send().dropPipeline());
    if (!response.getAnswer().isRefused()) return {};
    return fail(to_error(response.getAnswer().getRefused()));
  });
  EXPECT_REFUSED(result, ErrorKind::denied, "for the key that it has");
}

TEST_F(ControlTest, GivesEachRoleItsOwnCallsOnly) {
  EXPECT_REFUSED(connect(web1_).value()->repositories(), ErrorKind::denied, "no right");
  EXPECT_REFUSED(connect(web1_).value()->poll_storage("", {}), ErrorKind::denied, "no right");
  EXPECT_REFUSED(connect(store1_).value()->ticket("main", {Verb::read}, {}), ErrorKind::denied,
                 "no right");
}

TEST_F(ControlTest, EndsForARevokedHostWithItsNextCall) {
  const auto client = connect(web1_).value();
  ASSERT_TRUE(client->poll_source());
  ASSERT_TRUE(manager_.store().hosts().revoke("web1", now_));
  EXPECT_REFUSED(client->poll_source(), ErrorKind::denied, "revoked");
  EXPECT_REFUSED(client->ticket("main", {Verb::add}, {volume(1)}), ErrorKind::denied, "revoked");
  EXPECT_REFUSED(client->renew_certificate(), ErrorKind::denied, "revoked");
  EXPECT_REFUSED(client->report_jobs({JobToReport{}}), ErrorKind::denied, "revoked");
  EXPECT_REFUSED(elsewhere([&] { return connect(web1_); }), ErrorKind::denied, "revoked");
  EXPECT_TRUE(manager_.said("refused hello: web1"));
}

TEST_F(ControlTest, IsNotForAHolderThatTheManagerDoesNotKnow) {
  Identity stranger = read_identity(manager_.state_folder("web1")).value();
  stranger.key = PrivateKey::make();
  stranger.certificate =
      manager_.store()
          .authority()
          .issue(stranger.key.request(), {Purpose::client, {}, now_, days_after(now_, 1)})
          .value();
  EXPECT_REFUSED(connect(stranger), ErrorKind::denied, "does not know");
}

TEST_F(ControlTest, IsNotForACertificateOfAnotherAuthority) {
  Identity stranger = read_identity(manager_.state_folder("web1")).value();
  stranger.certificate =
      CertificateAuthority::make(now_)
          .issue(stranger.key.request(), {Purpose::client, {}, now_, days_after(now_, 1)})
          .value();
  EXPECT_REFUSED(connect(stranger), ErrorKind::lost, "does not take this host's certificate");
  EXPECT_TRUE(manager_.said("of another authority"));
}

TEST_F(ControlTest, IsNotForAnExpiredCertificate) {
  Identity late = read_identity(manager_.state_folder("web1")).value();
  late.certificate = manager_.store()
                         .authority()
                         .issue(late.key.request(),
                                {Purpose::client, {}, days_after(now_, -2), days_after(now_, -1)})
                         .value();
  EXPECT_REFUSED(connect(late), ErrorKind::denied, "ended at");
  EXPECT_FALSE(
      hello_as([&](kj::Timer& timer) { return mutual_tls(late.tls(), late.authority, timer); }));
  EXPECT_TRUE(manager_.said("certificate is missing, expired"));
}

TEST_F(ControlTest, IsNotForWhoShowsNoCertificate) {
  EXPECT_FALSE(
      hello_as([&](kj::Timer& timer) { return anonymous_client_tls(web1_.authority, timer); }));
  EXPECT_TRUE(manager_.said("certificate is missing"));
}

TEST_F(ControlTest, TellsAPeerOfAnotherProtocolWhatItLacks) {
  const auto result = catching([&]() -> Result<void> {
    const auto connection = TRY(Connection::open(manager_.control(), [&](kj::Timer& timer) {
      return mutual_tls(web1_.tls(), web1_.authority, timer);
    }));
    auto request = connection->bootstrap().castAs<wire::Manager>().helloRequest();
    request.initProtocol().setOldest(newest_protocol + 1);
    request.getProtocol().setNewest(newest_protocol + 2);
    const auto response = connection->wait(request.send().dropPipeline());
    EXPECT_TRUE(response.getAnswer().isRefused());
    return fail(to_error(response.getAnswer().getRefused()));
  });
  EXPECT_REFUSED(result, ErrorKind::mismatch, "the manager is the older");
}

TEST_F(ControlTest, CountsWhatGoesThroughItsPorts) {
  ASSERT_TRUE(connect(web1_).value()->poll_source());
  // The counts are noted once a second.
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  for (int i = 0; i < 600 && (in == 0 || out == 0); ++i) {
    const auto rows = manager_.store().jobs().traffic().value();
    for (const TrafficRow& row : rows) {
      if (row.port != "control") continue;
      in = row.bytes_in;
      out = row.bytes_out;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  // A handshake each way, at the least; and far from a megabyte.
  EXPECT_GT(in, 1000u);
  EXPECT_GT(out, 1000u);
  EXPECT_LT(in + out, 100'000u);
}

}  // namespace
}  // namespace ebb::control::test
