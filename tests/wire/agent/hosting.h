// SPDX-License-Identifier: Apache-2.0
// hosting.h - a storage agent in this process with a real repository, and clients that say to it
// whatever a test wants, past all that an honest client looks at.
//
// Who a client is, is said by the text that it shows as its ticket: allow() gives that text a
// permission. Everything runs in one event loop on one thread.
#pragma once

#include <capnp/rpc-twoparty.h>

#include <map>
#include <memory>
#include <string>

#include "engine/repo/point.h"
#include "engine/repo/source_key.h"
#include "tests/support/seed.h"
#include "tests/support/temporary_folder.h"
#include "wire/agent/storage_server.h"
#include "wire/bytes.h"
#include "wire/error_bridge.h"

namespace ebb::test {

namespace detail {
template <class Request>
struct Answered;
template <class Params, class Results>
struct Answered<capnp::Request<Params, Results>> {
  using Answer = capnp::Response<Results>;
};
}  // namespace detail
// What a request is answered with.
template <class Request>
using AnswerTo = typename detail::Answered<Request>::Answer;

class Hosting : public Admission {
 public:
  struct Client {
    explicit Client(kj::Own<kj::AsyncIoStream> taken);
    kj::Own<kj::AsyncIoStream> stream;
    capnp::TwoPartyVatNetwork network;
    capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
    kj::Maybe<wire::Repository::Client> opened;
    wire::Repository::Client& repository() { return KJ_ASSERT_NONNULL(opened); }
    wire::StorageAgent::Client agent();
  };

  // Keeps one new repository, "disks", and an empty folder, "empty"; "all" may do everything.
  Hosting() : Hosting(StorageBounds{}, test_random()) {}
  Hosting(const StorageBounds& bounds, std::unique_ptr<Random> random);
  ~Hosting() noexcept override;
  Hosting(const Hosting&) = delete;
  Hosting& operator=(const Hosting&) = delete;

  void allow(const std::string& ticket, Verbs verbs,
             std::optional<std::set<VolumeId>> volumes = std::nullopt,
             std::uint64_t bytes_per_second = 0);

  std::string socket() const { return folder_ / "socket"; }
  kj::Own<kj::AsyncIoStream> connect_stream();
  std::unique_ptr<Client> connect() { return std::make_unique<Client>(connect_stream()); }
  // Connected and opened; stops the test program when that fails.
  std::unique_ptr<Client> open(const std::string& ticket = "all",
                               const std::string& repository = "disks");
  Result<void> try_open(Client& client, const std::string& ticket, const std::string& repository);

  // Sends and waits: what was refused, or how the call ended, as an error.
  template <class Request>
  Result<AnswerTo<std::decay_t<Request>>> send(Request&& request) {
    auto response = catching([&] { return kj_->wait_for(request.send()); });
    if (response && response->isRefused()) return fail(to_error(response->getRefused()));
    return response;
  }

  RunStart run_start(const VolumeId& volume);
  void put_start(const RunStart& start, wire::Repository::RunStart::Builder to);
  Result<wire::Run::Client> begin(Client& client, const RunStart& start);
  Result<void> put(wire::Run::Client& run, Bytes records);
  Result<void> keep(wire::Run::Client& run, const PageDigest& digest, Bytes page);
  Result<void> commit(wire::Run::Client& run, Bytes point);
  Result<void> flush(wire::Run::Client& run);

  // A sealed record as a source makes it, of random bytes.
  ByteVector record(std::size_t payload);
  static RecordName name_in(Bytes record);
  // Of the run's volume, all zeroes, signed by the source; `change` may make it wrong first.
  SignedPoint point(const RunStart& start, const std::function<void(Point&)>& change = {});

  RingInKj& kj() { return *kj_; }
  Random& random() { return *random_; }
  StorageServer& server() { return *server_; }
  const RepositoryId& repository_id() const { return key_.repository; }
  const SourceKey& source_key() const { return key_; }
  std::string folder() const { return folder_ / "disks"; }
  // What a reader of the repository finds, in a new look at its folder.
  bool holds(const RecordName& name) { return content_of(name).has_value(); }
  std::optional<ByteVector> content_of(const RecordName& name);  // The whole record.
  std::vector<std::string> points();

 private:
  Result<Permission> admit(const Peer& peer, const std::string& repository,
                           Bytes ticket) const override;
  Result<void> may_stay(const Peer&, std::optional<WallTime>) const override { return {}; }
  TemporaryFolder folder_;
  kj::AsyncIoContext io_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<RingInKj> kj_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Arena> arena_;
  SourceKey key_;
  HpkePublicKey recipient_;
  std::map<std::string, Permission> permissions_;
  std::unique_ptr<StorageServer> server_;
};

}  // namespace ebb::test
