// SPDX-License-Identifier: Apache-2.0
// storage_server.h - the storage agent: listens, finds out who is there and what it may do, and
// hands it one of the repositories that are kept here.
//
// One thread serves everybody. The bounds are given at the start and hold together: connections,
// runs at once, memory for packs and for what is fetched.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/compat/tls.h>

#include <functional>
#include <map>

#include "devmap/core/interrupt.h"
#include "wire/agent/admission.h"
#include "wire/agent/hosted_repository.h"
#include "wire/agent/pace.h"
#include "wire/agent/peer_link.h"
#include "wire/agent/storage_bounds.h"
#include "wire/schema/repository.capnp.h"

namespace ebb {

class StorageServer {
 public:
  struct World {
    RingInKj& kj;
    Workers& workers;
    Random& random;
    Arena& arena;  // bounds.memory() is cut from it.
    std::function<void(std::string_view line)> log;
    // See AgentWorld.
    std::function<void(const std::string& repository, const SignedPoint& point)> committed;
    std::function<void(const std::string& repository, const ChoreRun& chore)> chored;
    const Clock& clock;
  };
  // `admission` outlives it.
  StorageServer(World world, const StorageBounds& bounds, const Admission& admission);
  ~StorageServer() noexcept;
  StorageServer(const StorageServer&) = delete;
  StorageServer& operator=(const StorageServer&) = delete;

  // A folder of this machine: a repository, or empty.
  Result<void> keep(const std::string& name, const std::string& folder);
  // Calls `seen` for each point that is there; damaged ones are left out.
  // Of those that were made.
  Result<std::vector<std::pair<std::string, RepositoryId>>> repository_ids();
  Result<void> each_point(
      const std::function<void(const std::string& repository, const SignedPoint& point,
                               WallTime arrived)>& seen);
  // Of the owner and its group (mode 0660); a socket that nobody listens to any more is replaced.
  Result<void> listen_on_socket(const std::string& path);
  // Whoever connects shakes hands first, by what use_tls() was given last.
  void listen_securely(kj::Own<kj::ConnectionReceiver> receiver);
  void use_tls(kj::Own<kj::TlsContext> tls);

  // Busy while another chore is done in this repository; absent when there is none of the name.
  Result<void> begin_chore(const std::string& repository, const Chore& chore,
                           const std::string& by);
  // Whether there is one, and it may take a chore now.
  bool takes_chores(const std::string& repository);
  // Names of all points of one repository.
  Result<std::vector<layout::PointName>> point_names(const std::string& repository);

  // Ends the connections, the runs and the chores; what arrived is published.
  Result<void> end();

 private:
  class Agent;
  struct Peering;

  enum class Way { local, secure };
  void listen(kj::Own<kj::ConnectionReceiver> receiver, Way way);
  kj::Promise<void> accept(kj::ConnectionReceiver& receiver, Way way);
  kj::Promise<void> shake_hands(kj::AuthenticatedStream accepted, Way way);
  kj::Promise<void> serve(kj::AuthenticatedStream accepted);
  kj::Promise<void> when_it_must_go(const Peer& peer, const std::shared_ptr<PeerLink>& link);
  std::shared_ptr<Pace> pace_of(const Permission& permission);

  World world_;
  StorageBounds bounds_;
  const Admission& admission_;
  PackMemory memory_;
  Turnstile runs_;
  Turnstile fetches_;
  Turnstile chores_;
  AgentWorld agent_world_;
  std::map<std::string, std::unique_ptr<HostedRepository>> repositories_;
  std::map<TicketId, std::weak_ptr<Pace>> paces_;
  std::vector<kj::Own<kj::ConnectionReceiver>> receivers_;
  // The last one is used; handshakes by a former one may be under way.
  std::vector<kj::Own<kj::TlsContext>> tls_;
  unsigned connections_ = 0;
  struct Errors final : kj::TaskSet::ErrorHandler {
    explicit Errors(const World& of) : world(of) {}
    void taskFailed(kj::Exception&& exception) override;
    const World& world;
  } errors_;
  kj::Maybe<kj::TaskSet> tasks_;
};

}  // namespace ebb
