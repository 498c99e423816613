// SPDX-License-Identifier: Apache-2.0
// tls_and_tickets_test.cc - a storage agent that is reached over TLS lets in whom its manager let
// in, and nobody else: each refusal is named on the client's side, and nothing of the repository is
// seen.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "engine/uring/ring.h"
#include "tests/support/temporary_folder.h"
#include "wire/agent/storage_service.h"
#include "wire/client/remote_repository.h"
#include "wire/link/certificate.h"

namespace ebb {
namespace {

const Clock& clock_now() {
  return system_clock();
}
WallTime seconds_from_now(std::int64_t seconds) {
  return {clock_now().wall().nanoseconds + seconds * 1'000'000'000};
}

struct Host {
  PrivateKey key = PrivateKey::make();
  std::string certificate;
};
Host host_of(const CertificateAuthority& authority, const std::vector<std::string>& names,
             WallTime from, WallTime until) {
  Host host;
  const Purpose purpose = names.empty() ? Purpose::client : Purpose::both;
  host.certificate = authority.issue(host.key.request(), {purpose, names, from, until}).value();
  return host;
}
Host host_of(const CertificateAuthority& authority, const std::vector<std::string>& names = {}) {
  return host_of(authority, names, seconds_from_now(-3600), seconds_from_now(3600));
}

// A storage agent in a thread of its own, with an empty folder for a repository.
class TlsAndTickets : public testing::Test {
 protected:
  TlsAndTickets()
      : authority_(CertificateAuthority::make(clock_now().wall())),
        manager_(make_ticket_signing_key(system_random())),
        storage_(host_of(authority_, {"127.0.0.1", "localhost"})) {
    storage_id_ = storage_.key.holder();
    storage_key_ = PrivateKey::of_pem(storage_.key.pem().reveal()).value();
    std::filesystem::create_directory(folder_ / "repository");
    serving_ = std::thread([this] { serve(); });
    while (port_ == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ~TlsAndTickets() override {
    stop_.raise();
    serving_.join();
  }

  void serve() {
    StorageService::Wishes wishes;
    wishes.repositories = {{"web1", folder_ / "repository"}};
    wishes.bounds.runs = 2;
    wishes.threads = 1;
    wishes.secure = SecureListening{"127.0.0.1:0", std::move(storage_.key), storage_.certificate,
                                    authority_.certificate(), ticket_verify_key(manager_)};
    const auto service =
        StorageService::make(std::move(wishes), clock_now(), system_random(), [](auto) {});
    EBB_CHECK(service.has_value(), service.error().text().c_str());
    service_ = service->get();
    port_ = (*service)->port();
    EBB_CHECK((*service)->run(stop_).has_value(), "it served");
  }

  // Connected by TLS; `ticket` is asked for whenever one is shown.
  std::unique_ptr<RemoteLink> link_as(Host host, std::function<Ticket()> ticket) {
    const auto credentials = std::make_shared<const Credentials>(
        Credentials{std::move(host.key), host.certificate, authority_.certificate(),
                    [this, ticket = std::move(ticket)](const RemoteAddress&) -> Result<ByteVector> {
                      return sign_ticket(ticket(), manager_);
                    },
                    [](const TicketVolume&, const std::string&) { return false; }});
    return RemoteLink::make({*ring_, system_random(), observer_, never_},
                            {"", "127.0.0.1", port_, "web1"}, credentials, 0)
        .value();
  }

  Ticket ticket_for(const Host& host) const {
    Ticket ticket;
    ticket.id = system_random().name<TicketId>();
    ticket.holder = host.key.holder();
    ticket.storage = storage_id_;
    ticket.repository = "web1";
    ticket.verbs = {Verb::add, Verb::read, Verb::keys, Verb::administer};
    ticket.all_volumes = true;
    ticket.not_before = seconds_from_now(-60);
    ticket.not_after = seconds_from_now(3600);
    return ticket;
  }

  // What a client with this identity and ticket is told when it makes a folder; "" when it may.
  std::string told(Host host, ByteVector ticket, const std::string& authority = "",
                   const std::string& dialled = "127.0.0.1") {
    const auto ring = Ring::make().value();
    SilentObserver observer;
    const StopFlag stop;
    const auto credentials = std::make_shared<const Credentials>(
        Credentials{std::move(host.key), host.certificate,
                    authority.empty() ? authority_.certificate() : authority,
                    [ticket](const RemoteAddress&) -> Result<ByteVector> { return ticket; },
                    [](const TicketVolume&, const std::string&) { return false; }});
    const auto link = RemoteLink::make({*ring, system_random(), observer, stop},
                                       {"", dialled, port_, "web1"}, credentials, 0);
    EBB_CHECK(link.has_value(), "a link is made before anything is dialled");
    const auto made = (*link)->files().make_folder("tmp");
    return made ? "" : made.error().text();
  }
  std::string told(Host host, const Ticket& ticket) {
    return told(std::move(host), sign_ticket(ticket, manager_));
  }
  static bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }

  test::TemporaryFolder folder_;
  CertificateAuthority authority_;
  TicketSigningKey manager_;
  Host storage_;
  PrivateKey storage_key_ = PrivateKey::make();
  HolderId storage_id_;
  const std::unique_ptr<Ring> ring_ = Ring::make().value();
  SilentObserver observer_;
  const StopFlag never_;
  StopFlag stop_;
  std::atomic<StorageService*> service_ = nullptr;
  std::atomic<std::uint16_t> port_ = 0;
  std::thread serving_;
};

TEST_F(TlsAndTickets, LetInWhoHasACertificateAndATicketOfTheManager) {
  Host host = host_of(authority_);
  const Ticket ticket = ticket_for(host);
  EXPECT_EQ(told(std::move(host), ticket), "");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "repository/tmp"));
}

TEST_F(TlsAndTickets, RefuseACertificateOfAnotherAuthority) {
  const auto other = CertificateAuthority::make(clock_now().wall());
  Host host = host_of(other);
  const Ticket ticket = ticket_for(host);
  EXPECT_NE(told(std::move(host), ticket), "");
  // And the client refuses an agent of another authority.
  Host right = host_of(authority_);
  const ByteVector good = sign_ticket(ticket_for(right), manager_);
  EXPECT_NE(told(std::move(right), good, other.certificate()), "");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "repository/tmp"));
}

TEST_F(TlsAndTickets, RefuseACertificateThatExpiredOrIsNotYetValid) {
  for (const auto& [from, until] : {std::pair{-7200, -3600}, std::pair{3600, 7200}}) {
    Host host = host_of(authority_, {}, seconds_from_now(from), seconds_from_now(until));
    const Ticket ticket = ticket_for(host);
    EXPECT_NE(told(std::move(host), ticket), "") << from;
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "repository/tmp"));
}

TEST_F(TlsAndTickets, RefuseAnAgentThatIsNotNamedAsItIsDialled) {
  Host host = host_of(authority_);
  const ByteVector ticket = sign_ticket(ticket_for(host), manager_);
  EXPECT_NE(told(std::move(host), ticket, "", "127.0.0.2"), "");
}

TEST_F(TlsAndTickets, RefuseATicketThatIsAlteredForgedExpiredOrAnothers) {
  const auto refusal = [&](auto change) {
    Host host = host_of(authority_);
    Ticket ticket = ticket_for(host);
    change(ticket);
    return told(std::move(host), ticket);
  };
  Host host = host_of(authority_);
  ByteVector altered = sign_ticket(ticket_for(host), manager_);
  altered[40] ^= std::byte{1};
  EXPECT_NE(told(std::move(host), altered), "");

  Host other = host_of(authority_);
  const ByteVector forged =
      sign_ticket(ticket_for(other), make_ticket_signing_key(system_random()));
  EXPECT_NE(told(std::move(other), forged), "");

  const auto valid_for = [&](std::int64_t from, std::int64_t until) {
    return refusal([&](Ticket& t) {
      t.not_before = seconds_from_now(from);
      t.not_after = seconds_from_now(until);
    });
  };
  EXPECT_NE(valid_for(-7200, -3600), "");
  EXPECT_NE(valid_for(3600, 7200), "");
  EXPECT_NE(refusal([&](Ticket& t) { t.holder = storage_id_; }), "");
  EXPECT_NE(refusal([](Ticket& t) { t.repository = "web2"; }), "");
  EXPECT_NE(refusal([](Ticket& t) { t.storage = t.holder; }), "");
  EXPECT_TRUE(says(refusal([](Ticket& t) { t.verbs = {Verb::add, Verb::read}; }), "administer"));
  Host none = host_of(authority_);
  EXPECT_NE(told(std::move(none), ByteVector()), "");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "repository/tmp"));
}

// The session is cut, its next one shows a ticket that the agent takes or says why it does not.
TEST_F(TlsAndTickets, EndASessionWhoseTicketExpiredAndGoOnWithANewOne) {
  Host host = host_of(authority_);
  Ticket ticket = ticket_for(host);
  // With the tolerance for clocks, a moment from now.
  ticket.not_before = seconds_from_now(-3600);
  ticket.not_after = seconds_from_now(2 - ticket_clock_skew_seconds);
  std::atomic<unsigned> shown = 0;
  const auto link = link_as(std::move(host), [&] {
    Ticket mine = ticket;
    if (++shown > 1) mine.not_after = seconds_from_now(60);
    return mine;
  });
  ASSERT_TRUE(link->files().make_folder("tmp"));
  for (int i = 0; i < 1000 && shown < 2; ++i) {
    ASSERT_TRUE(link->files().make_folder("tmp"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_GE(shown, 2u);
}

TEST_F(TlsAndTickets, RefuseToGoOnByATicketThatExpired) {
  Host host = host_of(authority_);
  Ticket ticket = ticket_for(host);
  ticket.not_before = seconds_from_now(-3600);
  ticket.not_after = seconds_from_now(2 - ticket_clock_skew_seconds);
  const auto link = link_as(std::move(host), [&] { return ticket; });
  std::string last;
  for (int i = 0; i < 1000 && last.empty(); ++i) {
    const auto made = link->files().make_folder("tmp");
    if (!made) last = made.error().text();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(says(last, "expired")) << last;
}

// One of another authority shows that it is the new one that is shown.
TEST_F(TlsAndTickets, ShowACertificateThatWasRenewed) {
  const auto other = CertificateAuthority::make(clock_now().wall());
  const auto shown_of = [&](const CertificateAuthority& authority) {
    service_.load()->show_certificate(
        authority
            .issue(storage_key_.request(),
                   {Purpose::both, {"127.0.0.1"}, seconds_from_now(-60), seconds_from_now(3600)})
            .value());
  };
  const auto becomes = [&](bool lets_in) {
    for (int i = 0; i < 1000; ++i) {
      Host host = host_of(authority_);
      const ByteVector ticket = sign_ticket(ticket_for(host), manager_);
      if ((told(std::move(host), ticket) == "") == lets_in) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  };
  shown_of(other);
  EXPECT_TRUE(becomes(false));
  shown_of(authority_);
  EXPECT_TRUE(becomes(true));
}

TEST_F(TlsAndTickets, RefuseARevokedHostAndEndItsConnections) {
  Host host = host_of(authority_);
  const HolderId holder = host.key.holder();
  const Ticket ticket = ticket_for(host);
  const auto link = link_as(std::move(host), [&] { return ticket; });
  ASSERT_TRUE(link->files().make_folder("tmp"));
  service_.load()->revoke(holder);
  // The open connection is cut, and the next one is refused.
  std::string last;
  for (int i = 0; i < 1000 && last.empty(); ++i) {
    const auto listed = link->files().list("members");
    if (!listed && listed.error().kind() != ErrorKind::absent) last = listed.error().text();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_TRUE(says(last, "revoked")) << last;
}

}  // namespace
}  // namespace ebb
