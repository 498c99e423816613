// SPDX-License-Identifier: Apache-2.0
// storage_server.h - the storage agent: listens, finds out who is there and what it may do, and
// hands it one of the repositories that are kept here.
//
// One thread serves everybody. The bounds are given at the start and hold together: connections,
// runs at once, memory for packs and for what is fetched.
#pragma once

#include <capnp/rpc-twoparty.h>

#include <functional>
#include <map>

#include "devmap/core/interrupt.h"
#include "wire/agent/hosted_repository.h"
#include "wire/agent/peer_link.h"
#include "wire/agent/permission.h"
#include "wire/agent/storage_bounds.h"
#include "wire/schema/repository.capnp.h"

namespace ebb {

// Who is at the other end, by whatever its connection proves.
struct Peer {
  std::string name;       // For messages.
  bool is_local = false;  // Over a unix socket, as root or as the agent's own user.
  std::optional<std::array<std::byte, 32>> holder;  // Of a certificate.
};

// Says what a peer may do with a repository, by its ticket; denied in words.
using Admission = std::function<Result<Permission>(const Peer& peer, const std::string& repository,
                                                   Bytes ticket)>;
// Over a unix socket: everything. Else denied.
Result<Permission> admit_local(const Peer& peer, const std::string& repository, Bytes ticket);

class StorageServer {
 public:
  struct World {
    RingInKj& kj;
    Workers& workers;
    Random& random;
    Arena& arena;  // bounds.memory() is cut from it.
    std::function<void(std::string_view line)> log;
  };
  StorageServer(World world, const StorageBounds& bounds, Admission admission);
  ~StorageServer() noexcept;
  StorageServer(const StorageServer&) = delete;
  StorageServer& operator=(const StorageServer&) = delete;

  // A folder of this machine: a repository, or empty.
  Result<void> keep(const std::string& name, const std::string& folder);
  // Of the owner and its group (mode 0660); a socket that nobody listens to any more is replaced.
  Result<void> listen_on_socket(const std::string& path);
  // Already speaking TLS where it should.
  void listen(kj::Own<kj::ConnectionReceiver> receiver);

  // Ends the connections and the runs; what arrived is published.
  Result<void> end();

 private:
  class Agent;
  struct Peering;

  kj::Promise<void> accept(kj::ConnectionReceiver& receiver);
  kj::Promise<void> serve(kj::AuthenticatedStream accepted);

  World world_;
  StorageBounds bounds_;
  Admission admission_;
  PackMemory memory_;
  Turnstile runs_;
  Turnstile fetches_;
  AgentWorld agent_world_;
  std::map<std::string, std::unique_ptr<HostedRepository>> repositories_;
  std::vector<kj::Own<kj::ConnectionReceiver>> receivers_;
  unsigned connections_ = 0;
  struct Errors final : kj::TaskSet::ErrorHandler {
    explicit Errors(const World& of) : world(of) {}
    void taskFailed(kj::Exception&& exception) override;
    const World& world;
  } errors_;
  kj::Maybe<kj::TaskSet> tasks_;
};

}  // namespace ebb
