// SPDX-License-Identifier: Apache-2.0
// control_client.cc - the session itself. What messages hold is put and taken in control_values.cc.
#include "wire/control/client/control_client.h"

#include <algorithm>

#include "wire/control/client/connection.h"
#include "wire/control/client/control_values.h"
#include "wire/error_bridge.h"
#include "wire/link/openssl.h"

namespace ebb::control {

namespace {

class Client final : public ControlClient {
 public:
  Client(const Identity& identity, std::unique_ptr<Connection> connection)
      : request_(identity.key.request()),
        ticket_key_(identity.ticket_key),
        connection_(std::move(connection)) {}
  ~Client() noexcept override {}  // KJ's destructors may throw; this one may not.

  Result<void> hello(const std::string& program) {
    return catching([&]() -> Result<void> {
      auto request = connection_->bootstrap().castAs<wire::Manager>().helloRequest();
      request.initProtocol().setOldest(oldest_protocol);
      request.getProtocol().setNewest(newest_protocol);
      request.setProgram(program.c_str());
      const auto response = connection_->wait(request.send().dropPipeline());
      const auto answer = response.getAnswer();
      switch (answer.which()) {
        case wire::HelloAnswer::REFUSED: return fail(to_error(answer.getRefused()));
        case wire::HelloAnswer::SOURCE:
          source_ = answer.getSource();
          session_ = answer.getSource();
          break;
        case wire::HelloAnswer::STORAGE:
          storage_ = answer.getStorage();
          session_ = answer.getStorage();
          break;
        case wire::HelloAnswer::OPERATOR:
          operator_ = answer.getOperator();
          session_ = answer.getOperator();
          break;
      }
      return {};
    });
  }

  Result<std::string> renew_certificate() override {
    return catching([&]() -> Result<std::string> {
      auto request = session_.renewRequest();
      request.setRequest(as_data(request_));
      const auto response = connection_->wait(request.send().dropPipeline());
      const auto answer = response.getAnswer();
      if (answer.isRefused()) return fail(to_error(answer.getRefused()));
      return std::string(answer.getCertificate().cStr());
    });
  }

  Result<void> report_jobs(const std::vector<JobToReport>& jobs) override {
    return in_parts(jobs, max_jobs, [&](std::span<const JobToReport> part) {
      auto request = session_.reportJobsRequest();
      put_jobs(part, request.initJobs(static_cast<unsigned>(part.size())));
      return done(connection_->wait(request.send().dropPipeline()).getAnswer());
    });
  }

  Result<IssuedTicket> ticket(const std::string& repository, Verbs verbs,
                              const std::vector<VolumeToClaim>& volumes) override {
    return catching([&]() -> Result<IssuedTicket> {
      KJ_IF_MAYBE (session, operator_) {
        auto request = session->ticketRequest();
        request.setRepository(repository.c_str());
        request.setVerbs(verbs.bits());
        const auto response = connection_->wait(request.send().dropPipeline());
        return take_ticket(response.getAnswer(), ticket_key_);
      }
      auto request = TRY(as(source_, "tickets")).ticketRequest();
      request.setRepository(repository.c_str());
      request.setVerbs(verbs.bits());
      put_claims(volumes, request.initVolumes(static_cast<unsigned>(volumes.size())));
      const auto response = connection_->wait(request.send().dropPipeline());
      return take_ticket(response.getAnswer(), ticket_key_);
    });
  }

  Result<SourceOrders> poll_source() override {
    return catching([&]() -> Result<SourceOrders> {
      auto session = TRY(as(source_, "a source's orders"));
      const auto response = connection_->wait(session.pollRequest().send().dropPipeline());
      return take_orders(response.getAnswer());
    });
  }

  Result<StorageOrders> poll_storage(const std::string& own_address,
                                     const HeardRevocations& heard) override {
    return catching([&]() -> Result<StorageOrders> {
      auto request = TRY(as(storage_, "a storage agent's orders")).pollRequest();
      request.setAddress(own_address.c_str());
      request.setRevocationsSince(heard.number);
      if (heard.last) request.setLastRevoked(as_data(heard.last->view()));
      request.setLastRevokedAt(heard.at.nanoseconds);
      const auto response = connection_->wait(request.send().dropPipeline());
      StorageOrders orders = TRY(take_orders(response.getAnswer()));
      if (orders.revoked.empty() && orders.heard.number == heard.number) orders.heard = heard;
      for (StoredRepository& repository : orders.repositories) {
        if (repository.has_more) TRY(take_rest(repository));
      }
      return orders;
    });
  }

  Result<std::uint64_t> tell_points(const std::string& repository, const WireRepositoryId& id,
                                    const std::vector<PointToTell>& points,
                                    const ToldMark& mark) override {
    auto agent = TRY(as(storage_, "points"));
    const std::uint64_t listing = TRY(catching([&]() -> Result<std::uint64_t> {
      auto request = agent.beginPointsRequest();
      request.setRepository(repository.c_str());
      request.setId(as_data(id.view()));
      const auto response = connection_->wait(request.send().dropPipeline());
      const auto answer = response.getAnswer();
      if (answer.isRefused()) return fail(to_error(answer.getRefused()));
      return answer.getListing();
    }));
    TRY(tell_more_points(listing, points, mark));
    TRY(catching([&] {
      auto request = agent.endPointsRequest();
      request.setListing(listing);
      request.setMark(as_data(mark.view()));
      return done(connection_->wait(request.send().dropPipeline()).getAnswer());
    }));
    return listing;
  }

  Result<void> tell_more_points(std::uint64_t listing, const std::vector<PointToTell>& points,
                                const ToldMark& mark) override {
    auto agent = TRY(as(storage_, "points"));
    return in_parts(points, max_points, [&](std::span<const PointToTell> part) {
      auto request = agent.pointsRequest();
      request.setListing(listing);
      request.setMark(as_data(mark.view()));
      put_points(part, request.initPoints(static_cast<unsigned>(part.size())));
      return done(connection_->wait(request.send().dropPipeline()).getAnswer());
    });
  }

  Result<std::optional<ManagerCopy>> newer_copy(const std::optional<CopyDigest>& have) override {
    ManagerCopy copy;
    std::uint64_t size = 0;
    do {
      const auto part = TRY(part_of_copy(have, copy.bytes.size()));
      if (!part) return std::nullopt;
      copy.digest = part->digest;
      size = part->size;
      if (part->bytes.empty() || size > max_copy_bytes) {
        return fail(Error::invalid("the manager's state comes in parts that make no sense"));
      }
      append(copy.bytes, part->bytes);
    } while (copy.bytes.size() < size);
    if (digest_of_copy(copy.bytes) == copy.digest) return copy;
    return fail(Error::invalid("the copy of the manager's state is not what its digest says"));
  }

  Result<std::vector<KnownRepository>> repositories() override {
    return catching([&]() -> Result<std::vector<KnownRepository>> {
      auto session = TRY(as(operator_, "the list of repositories"));
      const auto response = connection_->wait(session.repositoriesRequest().send().dropPipeline());
      return take_repositories(response.getAnswer());
    });
  }

 private:
  struct CopyPart {
    CopyDigest digest;
    std::uint64_t size = 0;
    ByteVector bytes;
  };
  Result<std::optional<CopyPart>> part_of_copy(const std::optional<CopyDigest>& have,
                                               std::size_t at) {
    return catching([&]() -> Result<std::optional<CopyPart>> {
      auto request = TRY(as(storage_, "a copy of the manager's state")).copyRequest();
      if (have) request.setHave(as_data(have->view()));
      request.setAt(at);
      const auto response = connection_->wait(request.send().dropPipeline());
      const auto answer = response.getAnswer();
      if (answer.isRefused()) return fail(to_error(answer.getRefused()));
      if (answer.isSame()) return std::nullopt;
      const auto part = answer.getPart();
      return CopyPart{TRY(name_in<CopyDigest>(part.getDigest(), "copy's digest")), part.getSize(),
                      copy_of(bytes_in(part.getBytes()))};
    });
  }

  Result<void> take_rest(StoredRepository& repository) {
    while (repository.has_more) {
      auto request = TRY(as(storage_, "a storage agent's orders")).keepRequest();
      request.setRepository(repository.name.c_str());
      if (!repository.keep.empty()) {
        request.setAfter(as_data(repository.keep.back().volume.view()));
      }
      const auto response = connection_->wait(request.send().dropPipeline());
      const auto answer = response.getAnswer();
      if (answer.isRefused()) return fail(to_error(answer.getRefused()));
      const std::size_t before = repository.keep.size();
      TRY(take_keep(answer.getKeep(), repository.keep));
      repository.has_more = repository.keep.size() - before == max_kept_volumes;
      if (repository.keep.size() > max_kept_volumes * 1024) {
        return fail(Error::invalid("the manager names volumes without end"));
      }
    }
    return {};
  }

  static Result<void> done(wire::Answer::Reader answer) {
    if (answer.isRefused()) return fail(to_error(answer.getRefused()));
    return {};
  }

  template <class Session>
  static Result<Session> as(kj::Maybe<Session>& session, std::string_view what) {
    KJ_IF_MAYBE (found, session) {
      return *found;
    }
    return fail(Error::denied("this host's role has no right to {}", what));
  }

  template <class Item, class Send>
  static Result<void> in_parts(const std::vector<Item>& items, std::size_t most, Send&& send) {
    for (std::size_t at = 0; at < items.size(); at += most) {
      const std::span part = std::span(items).subspan(at, std::min(most, items.size() - at));
      TRY(catching([&]() -> Result<void> { return send(part); }));
    }
    return {};
  }

  const ByteVector request_;
  const TicketVerifyKey ticket_key_;
  const std::unique_ptr<Connection> connection_;
  wire::Session::Client session_ = nullptr;  // The calls that every role has.
  // Of these the one that the role has.
  kj::Maybe<wire::SourceSession::Client> source_;
  kj::Maybe<wire::StorageSession::Client> storage_;
  kj::Maybe<wire::OperatorSession::Client> operator_;
};

}  // namespace

CopyDigest digest_of_copy(Bytes copy) {
  return ossl::sha256_name<CopyDigest>(copy);
}

Result<std::unique_ptr<ControlClient>> ControlClient::connect(const Identity& identity,
                                                              const std::string& program) {
  const CertificateFacts facts = TRY(facts_of(identity.certificate));
  const WallTime now = system_clock().wall();
  // The manager would only end the connection: kj-tls does not tell why.
  if (now > facts.until) {
    return fail(
        Error::denied("this host's certificate ended at {}, and here it is {}; enroll it anew with "
                      "a token for its name",
                      facts.until.text(), now.text()));
  }
  auto connection = TRY(Connection::open(identity.manager, [&](kj::Timer& timer) {
    return mutual_tls(identity.tls(), identity.authority, timer);
  }));
  auto client = std::make_unique<Client>(identity, std::move(connection));
  auto said =
      during(client->hello(program), "saying hello to the manager at {}", identity.manager.text());
  if (!said && said.error().kind() == ErrorKind::lost) {
    return fail(
        Error::lost("{} (if the manager runs, it does not take this host's certificate; "
                    "its log says so)",
                    said.error().text()));
  }
  TRY(said);
  return client;
}

}  // namespace ebb::control
