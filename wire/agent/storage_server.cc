// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/storage_server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "devmap/core/unique_fd.h"
#include "devmap/core/version.h"
#include "wire/agent/answer.h"
#include "wire/agent/repository_server.h"
#include "wire/bytes.h"
#include "wire/limits.h"
#include "wire/link/keep_alive.h"
#include "wire/link/tls.h"

namespace ebb {

namespace {

constexpr kj::Duration wait_after_failure = 200 * kj::MILLISECONDS;

Peer peer_of(kj::PeerIdentity& identity) {
  Peer peer;
  peer.name = identity.toString().cStr();
  if (auto* local = dynamic_cast<kj::LocalPeerIdentity*>(&identity)) {
    KJ_IF_MAYBE (uid, local->getCredentials().uid) {
      peer.is_local = *uid == 0 || *uid == ::geteuid();
      peer.name = fmt::format("user {} of this machine", *uid);
    }
  } else if (auto holder = holder_of(identity)) {
    peer.holder = *holder;
    peer.name = "host " + short_text(*holder);
  }
  return peer;
}

// Left by an agent that was killed: nobody answers there.
Result<void> remove_stale_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Error::invalid("the path of a unix socket has at most {} bytes: {}",
                               sizeof address.sun_path - 1, path));
  }
  path.copy(address.sun_path, path.size());
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return fail(Error::from_errno(errno));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return fail(Error::busy("another agent listens on {}", path));
  }
  if (errno == ECONNREFUSED) ::unlink(path.c_str());
  return {};
}

}  // namespace

void StorageServer::Errors::taskFailed(kj::Exception&& exception) {
  const Error error = to_error(exception);
  if (error.kind() != ErrorKind::lost) world.log(error.text());
}

// What a connection begins with.
class StorageServer::Agent final : public wire::StorageAgent::Server {
 public:
  Agent(StorageServer& server, Peer peer, std::shared_ptr<PeerLink> link)
      : server_(server), peer_(std::move(peer)), link_(std::move(link)) {}

  kj::Promise<void> open(OpenContext context) override {
    return answer(server_.world_.kj, link_, context, [this](OpenContext& call) -> Result<void> {
      auto agent = call.getResults().initAgent();
      agent.setVersion(wire::PROTOCOL_VERSION);
      agent.setOldest(wire::PROTOCOL_VERSION);
      agent.setProgram(version_text);
      const auto hello = call.getParams().getHello();
      TRY(understands(hello));
      // What was opened is kept as long as the peer wants.
      if (++opened_ > most_opened) return fail(Error::busy("opened too often; connect again"));
      const std::string name = call.getParams().getRepository().cStr();
      if (!is_repository_name(name)) {
        return fail(Error::invalid("names of repositories are of a-z 0-9 . _ -"));
      }
      const Bytes ticket = bytes_from(call.getParams().getTicket());
      auto permission = TRY(server_.admission_.admit(peer_, name, ticket));
      const auto found = server_.repositories_.find(name);
      if (found == server_.repositories_.end()) {
        return fail(Error::absent("this storage agent keeps no repository \"{}\"", name));
      }
      link_->opened_until(permission.until);
      const auto pace = server_.pace_of(permission);
      call.getResults().setRepository(
          kj::heap<RepositoryServer>(*found->second, std::move(permission), pace, link_));
      return {};
    });
  }

 private:
  static Result<void> understands(wire::StorageAgent::Hello::Reader hello) {
    if (hello.getVersion() >= wire::PROTOCOL_VERSION &&
        hello.getOldest() <= wire::PROTOCOL_VERSION) {
      return {};
    }
    const bool is_older = hello.getVersion() < wire::PROTOCOL_VERSION;
    return fail(Error::mismatch(
        "this storage agent ({}) speaks version {} of the protocol, the peer {} to {}; update {}",
        version_text, wire::PROTOCOL_VERSION, hello.getOldest(), hello.getVersion(),
        is_older ? "the peer" : "the storage agent"));
  }

  static constexpr unsigned most_opened = 64;

  StorageServer& server_;
  Peer peer_;
  std::shared_ptr<PeerLink> link_;
  unsigned opened_ = 0;
};

// One connection, with everything that lives as long as it does.
struct StorageServer::Peering {
  Peering(kj::Own<kj::AsyncIoStream> taken, std::shared_ptr<PeerLink> of,
          wire::StorageAgent::Client bootstrap)
      : link(std::move(of)),
        stream(counted(kj::mv(taken), *link)),
        network(*stream, capnp::rpc::twoparty::Side::SERVER, wire_limits::reader_options()),
        rpc(capnp::makeRpcServer(network, kj::mv(bootstrap))) {
    rpc.setFlowLimit(wire_limits::calls_under_way.value() / sizeof(capnp::word));
  }
  ~Peering() noexcept(false) { link->closed(); }

  std::shared_ptr<PeerLink> link;
  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
};

StorageServer::StorageServer(World world, const StorageBounds& bounds, const Admission& admission)
    : world_(std::move(world)),
      bounds_(bounds),
      admission_(admission),
      memory_(world_.arena, PackMemory::for_runs(bounds.runs)),
      runs_(world_.kj, bounds.runs),
      fetches_(world_.kj, bounds.fetches),
      chores_(world_.kj, bounds.chores),
      agent_world_{world_.kj,
                   world_.workers,
                   world_.random,
                   memory_,
                   runs_,
                   fetches_,
                   chores_,
                   world_.clock,
                   bounds.room_to_leave,
                   {},
                   world_.committed,
                   world_.chored},
      errors_(world_) {
  world_.random.fill(agent_world_.start);
  tasks_.emplace(errors_);
}

StorageServer::~StorageServer() noexcept = default;

Result<void> StorageServer::keep(const std::string& name, const std::string& folder) {
  if (!is_repository_name(name)) {
    return fail(Error::invalid("\"{}\" is no name for a repository: at most {} of a-z 0-9 . _ -",
                               name, max_repository_name));
  }
  auto files = TRY(during(open_folder(folder, world_.kj.ring()), "opening {}", folder));
  auto hosted = std::make_unique<HostedRepository>(agent_world_, name, std::move(files));
  auto opened = hosted->repository();
  if (!opened && opened.error().kind() != ErrorKind::absent) {
    return fail(opened.error().during("opening the repository {}", folder));
  }
  repositories_.insert_or_assign(name, std::move(hosted));
  return {};
}

Result<std::vector<std::pair<std::string, RepositoryId>>> StorageServer::repository_ids() {
  std::vector<std::pair<std::string, RepositoryId>> ids;
  for (const auto& [name, hosted] : repositories_) {
    if (hosted->is_made()) ids.emplace_back(name, TRY(hosted->repository())->config().id);
  }
  return ids;
}

Result<void> StorageServer::each_point(
    const std::function<void(const std::string& repository, const SignedPoint& point,
                             WallTime arrived)>& seen) {
  for (const auto& [name, hosted] : repositories_) {
    if (!hosted->is_made()) continue;
    Repository* repository = TRY(hosted->repository());
    for (const ArrivedPoint& arrived : TRY(repository->arrived_points())) {
      const auto point = repository->point(arrived.name);
      if (point) seen(name, *point, arrived.arrived);
    }
  }
  return {};
}

Result<void> StorageServer::begin_chore(const std::string& repository, const Chore& chore,
                                        const std::string& by) {
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) {
    return fail(Error::absent("this storage agent keeps no repository \"{}\"", repository));
  }
  TRY(found->second->chores().begin(world_.random.name<ChoreId>(), chore, by));
  return {};
}

bool StorageServer::takes_chores(const std::string& repository) {
  const auto found = repositories_.find(repository);
  return found != repositories_.end() && found->second->is_made() &&
         !found->second->chores().is_busy();
}

Result<std::vector<layout::PointName>> StorageServer::point_names(const std::string& repository) {
  const auto found = repositories_.find(repository);
  if (found == repositories_.end()) return fail(Error::absent("no repository {}", repository));
  Repository* open = TRY(found->second->repository());
  return open->point_names();
}

Result<void> StorageServer::listen_on_socket(const std::string& path) {
  TRY(remove_stale_socket(path));
  return catching([&]() -> Result<void> {
    auto address = world_.kj.wait_for(
        world_.kj.io().provider->getNetwork().parseAddress(kj::str("unix:", path.c_str())));
    listen(address->listen(), Way::local);
    if (::chmod(path.c_str(), 0660) != 0) return fail(Error::from_errno(errno).during("{}", path));
    return {};
  });
}

void StorageServer::listen_securely(kj::Own<kj::ConnectionReceiver> receiver) {
  EBB_CHECK(!tls_.empty(), "a secure port needs a certificate");
  listen(kj::mv(receiver), Way::secure);
}

void StorageServer::use_tls(kj::Own<kj::TlsContext> tls) {
  tls_.push_back(kj::mv(tls));
}

void StorageServer::listen(kj::Own<kj::ConnectionReceiver> receiver, Way way) {
  receivers_.push_back(kj::mv(receiver));
  KJ_ASSERT_NONNULL(tasks_).add(accept(*receivers_.back(), way));
}

// Whatever becomes of one connection, the next is accepted; with no descriptor left, in a moment.
kj::Promise<void> StorageServer::accept(kj::ConnectionReceiver& receiver, Way way) {
  return receiver.acceptAuthenticated()
      .then(
          [this, way](kj::AuthenticatedStream accepted) -> kj::Promise<void> {
            KJ_ASSERT_NONNULL(tasks_).add(
                kj::evalNow([&] { return shake_hands(kj::mv(accepted), way); }));
            return kj::READY_NOW;
          },
          [this](kj::Exception&& exception) -> kj::Promise<void> {
            world_.log(fmt::format("failed accept reason={}", to_error(exception).text()));
            return world_.kj.io().provider->getTimer().afterDelay(wait_after_failure);
          })
      .then([this, &receiver, way] { return accept(receiver, way); });
}

// Counted from the first moment, so that handshakes are bounded, too.
kj::Promise<void> StorageServer::shake_hands(kj::AuthenticatedStream accepted, Way way) {
  const std::string from = accepted.peerIdentity->toString().cStr();
  if (connections_ >= bounds_.connections) {
    world_.log(fmt::format("turned away peer={} connections={}", from, connections_));
    return kj::READY_NOW;
  }
  ++connections_;
  auto counted_down = kj::defer([this] { --connections_; });
  if (way == Way::local) return serve(kj::mv(accepted)).attach(kj::mv(counted_down));
  end_when_unanswered(*accepted.stream);
  return tls_.back()
      ->wrapServer(kj::mv(accepted))
      .then(
          [this](kj::AuthenticatedStream secured) { return serve(kj::mv(secured)); },
          [this, from](kj::Exception&& exception) {
            world_.log(fmt::format("refused peer={} reason={}", from, to_error(exception).text()));
          })
      .attach(kj::mv(counted_down));
}

kj::Promise<void> StorageServer::serve(kj::AuthenticatedStream accepted) {
  const Peer peer = peer_of(*accepted.peerIdentity);
  auto link = std::make_shared<PeerLink>(world_.kj, peer.name);
  auto peering =
      kj::heap<Peering>(kj::mv(accepted.stream), link, kj::heap<Agent>(*this, peer, link));
  auto gone = peering->network.onDisconnect();
  return gone.exclusiveJoin(link->when_hopeless())
      .exclusiveJoin(when_it_must_go(peer, link))
      .attach(kj::mv(peering));
}

// What goes by one ticket goes by one pace, over however many connections.
std::shared_ptr<Pace> StorageServer::pace_of(const Permission& permission) {
  if (permission.bytes_per_second == 0 || !permission.ticket) return nullptr;
  std::erase_if(paces_, [](const auto& known) { return known.second.expired(); });
  auto& known = paces_[*permission.ticket];
  auto pace = known.lock();
  if (pace == nullptr) {
    pace = std::make_shared<Pace>(world_.kj, permission.bytes_per_second);
    known = pace;
  }
  return pace;
}

// Not at once, so that a peer is told why when it comes again. One whose ticket has expired comes
// with a new one, and goes on where it was.
kj::Promise<void> StorageServer::when_it_must_go(const Peer& peer,
                                                 const std::shared_ptr<PeerLink>& link) {
  return world_.kj.io()
      .provider->getTimer()
      .afterDelay(1 * kj::SECONDS)
      .then([this, peer, link]() -> kj::Promise<void> {
        const auto stays = admission_.may_stay(peer, link->until());
        if (stays) return when_it_must_go(peer, link);
        world_.log(fmt::format("cut off peer={} reason={}", peer.name, stays.error().text()));
        return kj::READY_NOW;
      });
}

Result<void> StorageServer::end() {
  tasks_ = nullptr;  // Nobody asks any more, and every connection is dropped.
  receivers_.clear();
  for (const auto& [name, hosted] : repositories_) hosted->chores().stop();
  const auto has_runs = [&] {
    return std::any_of(repositories_.begin(), repositories_.end(),
                       [](const auto& hosted) { return hosted.second->open_runs() > 0; });
  };
  // What was answered to a peer that has gone lets go of its run a turn later than its story ends.
  do {
    world_.kj.wait_for_all();
    world_.kj.wait_for(world_.kj.io().provider->getTimer().afterDelay(0 * kj::SECONDS));
  } while (has_runs());
  world_.kj.wait_for_all();
  repositories_.clear();
  return {};
}

}  // namespace ebb
