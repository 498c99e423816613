// SPDX-License-Identifier: Apache-2.0
// TLS as ebb sets it up, over real sockets on loopback: who gets in, and who is refused.
#include "wire/link/tls.h"

#include <gtest/gtest.h>
#include <kj/async-io.h>

#include "tests/support/image_file.h"
#include "tests/support/run_program.h"
#include "tests/support/started_program.h"
#include "tests/support/temporary_folder.h"
#include "wire/error_bridge.h"
#include "wire/link/certificate.h"

namespace ebb::test {
namespace {

const WallTime now = system_clock().wall();

struct Party {
  PrivateKey key = PrivateKey::make();
  std::string certificate;
  TlsIdentity identity() const { return {key, certificate}; }
};

Party party_of(const CertificateAuthority& authority, Purpose purpose,
               std::vector<std::string> names = {}, std::int64_t from_day = 0,
               std::int64_t until_day = 1) {
  Party party;
  party.certificate =
      authority
          .issue(party.key.request(),
                 {purpose, std::move(names), days_after(now, from_day), days_after(now, until_day)})
          .value();
  return party;
}

// What came of a connection, as each side saw it.
struct Outcome {
  Result<HolderId> client_as_seen = fail(Error::lost("not reached"));
  Result<HolderId> server_as_seen = fail(Error::lost("not reached"));
};

class TlsTest : public testing::Test {
 public:
  ~TlsTest() noexcept override {}  // KJ's destructors may throw; GoogleTest's may not.

 protected:
  kj::Timer& timer() { return io_.provider->getTimer(); }

  Result<HolderId> after(kj::Promise<kj::AuthenticatedStream> handshake, bool reads) {
    return catching([&]() -> Result<HolderId> {
      kj::AuthenticatedStream peer = handshake.wait(io_.waitScope);
      const HolderId holder = TRY(holder_of(*peer.peerIdentity));
      // TLS 1.3: a client is done before the server has looked at its certificate.
      if (reads) {
        char byte = 0;
        peer.stream->read(&byte, 1).wait(io_.waitScope);
      }
      return holder;
    });
  }

  Outcome connect(kj::TlsContext& server, kj::TlsContext& client,
                  const char* dialled = "store.example") {
    auto pipe = io_.provider->newTwoWayPipe();
    auto accepted = server
                        .wrapServer(kj::AuthenticatedStream{kj::mv(pipe.ends[0]),
                                                            kj::LocalPeerIdentity::newInstance({})})
                        .then([](kj::AuthenticatedStream peer) {
                          auto& stream = *peer.stream;
                          return stream.write("!", 1).then(
                              [peer = kj::mv(peer)]() mutable { return kj::mv(peer); });
                        })
                        .eagerlyEvaluate(nullptr);
    auto connected = client.wrapClient(
        kj::AuthenticatedStream{kj::mv(pipe.ends[1]), kj::LocalPeerIdentity::newInstance({})},
        dialled);
    Outcome outcome;
    outcome.server_as_seen = after(kj::mv(connected), true);
    outcome.client_as_seen = after(kj::mv(accepted), false);
    return outcome;
  }

  kj::Own<kj::TlsContext> mutual(const Party& party) {
    return mutual_tls(party.identity(), authority_.certificate(), timer()).value();
  }

  kj::AsyncIoContext io_ = kj::setupAsyncIo();
  const CertificateAuthority authority_ = CertificateAuthority::make(now);
  const Party store_ = party_of(authority_, Purpose::both, {"store.example", "127.0.0.1"});
  const Party source_ = party_of(authority_, Purpose::client);
};

TEST_F(TlsTest, BothSidesSeeWhoTheOtherIs) {
  const auto outcome = connect(*mutual(store_), *mutual(source_));
  ASSERT_TRUE(outcome.client_as_seen) << outcome.client_as_seen.error().text();
  ASSERT_TRUE(outcome.server_as_seen) << outcome.server_as_seen.error().text();
  EXPECT_EQ(*outcome.client_as_seen, source_.key.holder());
  EXPECT_EQ(*outcome.server_as_seen, store_.key.holder());
}

TEST_F(TlsTest, AnAddressIsComparedAsANameIs) {
  EXPECT_TRUE(connect(*mutual(store_), *mutual(source_), "127.0.0.1").server_as_seen);
  EXPECT_FALSE(connect(*mutual(store_), *mutual(source_), "127.0.0.2").server_as_seen);
}

TEST_F(TlsTest, AClientWithoutACertificateIsRefused) {
  auto client = anonymous_client_tls(authority_.certificate(), timer()).value();
  EXPECT_FALSE(connect(*mutual(store_), *client).client_as_seen);
}

TEST_F(TlsTest, ACertificateOfAnotherAuthorityIsRefused) {
  const auto other = CertificateAuthority::make(now);
  const Party stranger = party_of(other, Purpose::both, {"store.example"});
  auto believes_us = mutual_tls(stranger.identity(), authority_.certificate(), timer()).value();
  EXPECT_FALSE(connect(*mutual(store_), *believes_us).client_as_seen);
  EXPECT_FALSE(connect(*believes_us, *mutual(source_)).server_as_seen);
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  const Party late = party_of(authority_, Purpose::client, {}, -3, -1);
  EXPECT_FALSE(connect(*mutual(store_), *mutual(late)).client_as_seen);
  const Party late_store = party_of(authority_, Purpose::both, {"store.example"}, -3, -1);
  EXPECT_FALSE(connect(*mutual(late_store), *mutual(source_)).server_as_seen);
}

TEST_F(TlsTest, ACertificateThatIsNotYetValidIsRefused) {
  const Party early = party_of(authority_, Purpose::client, {}, 1, 2);
  EXPECT_FALSE(connect(*mutual(store_), *mutual(early)).client_as_seen);
}

TEST_F(TlsTest, AServerOfAnotherNameIsRefused) {
  EXPECT_FALSE(connect(*mutual(store_), *mutual(source_), "other.example").server_as_seen);
}

TEST_F(TlsTest, ASourceCannotBeTheServer) {
  const Party false_store = party_of(authority_, Purpose::client, {"store.example"});
  EXPECT_FALSE(connect(*mutual(false_store), *mutual(source_)).server_as_seen);
}

TEST_F(TlsTest, ForEnrolmentOnlyTheServerShowsACertificate) {
  auto server = server_only_tls(store_.identity(), timer()).value();
  auto client = anonymous_client_tls(authority_.certificate(), timer()).value();
  const auto outcome = connect(*server, *client);
  ASSERT_TRUE(outcome.server_as_seen) << outcome.server_as_seen.error().text();
  EXPECT_EQ(*outcome.server_as_seen, store_.key.holder());
  ASSERT_FALSE(outcome.client_as_seen);
  EXPECT_EQ(outcome.client_as_seen.error().kind(), ErrorKind::denied);
  EXPECT_NE(outcome.client_as_seen.error().text().find("enrolled"), std::string::npos)
      << outcome.client_as_seen.error().text();
}

TEST_F(TlsTest, APeerWithoutTlsIsNobody) {
  auto unknown = kj::UnknownPeerIdentity::newInstance();
  EXPECT_EQ(holder_of(*unknown).error().kind(), ErrorKind::denied);
}

// The real openssl(1) against a real port, with a good certificate, in one version of TLS.
class TlsVersionTest : public TlsTest {
 public:
  ~TlsVersionTest() noexcept override {}

 protected:
  Result<HolderId> accept_openssl(const std::string& version) {
    write_text(folder_ / "ca", authority_.certificate());
    write_text(folder_ / "certificate", source_.certificate);
    write_text(folder_ / "key", std::string(text_of(source_.key.pem().reveal())));
    auto port = io_.provider->getNetwork().parseAddress("127.0.0.1").wait(io_.waitScope)->listen();
    auto server = mutual(store_);
    client_ = StartedProgram::start(
        {find_program("openssl"), "s_client", version, "-connect",
         "127.0.0.1:" + std::to_string(port->getPort()), "-CAfile", folder_ / "ca", "-cert",
         folder_ / "certificate", "-key", folder_ / "key", "-verify_return_error"},
        {{"OPENSSL_CONF", "/dev/null"}});
    return after(port->acceptAuthenticated().then([&](kj::AuthenticatedStream peer) {
      return server->wrapServer(kj::mv(peer));
    }),
                 false);
  }

  const TemporaryFolder folder_;
  std::unique_ptr<StartedProgram> client_;
};

TEST_F(TlsVersionTest, OneDotThreeIsTaken) {
  const auto peer = accept_openssl("-tls1_3");
  ASSERT_TRUE(peer) << peer.error().text();
  EXPECT_EQ(*peer, source_.key.holder());
}

TEST_F(TlsVersionTest, OneDotTwoIsRefused) {
  const auto peer = accept_openssl("-tls1_2");
  ASSERT_FALSE(peer);
  EXPECT_NE(client_->exit_code(), 0);
  EXPECT_NE(client_->errors().find("protocol version"), std::string::npos) << client_->errors();
}

TEST_F(TlsTest, ASilentClientIsGivenUp) {
  auto pipe = io_.provider->newTwoWayPipe();
  kj::TimerImpl clock(kj::origin<kj::TimePoint>());
  auto server = mutual_tls(store_.identity(), authority_.certificate(), clock).value();
  auto accepted = server->wrapServer(kj::mv(pipe.ends[0])).eagerlyEvaluate(nullptr);
  EXPECT_FALSE(accepted.poll(io_.waitScope));
  clock.advanceTo(kj::origin<kj::TimePoint>() + (tls_handshake_seconds + 1) * kj::SECONDS);
  EXPECT_FALSE(catching([&] { accepted.wait(io_.waitScope); }));
}

}  // namespace
}  // namespace ebb::test
