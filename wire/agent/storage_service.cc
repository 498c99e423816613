// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/storage_service.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "engine/buffer/one_heap.h"
#include "wire/agent/storage_server.h"
#include "wire/client/address.h"
#include "wire/error_bridge.h"
#include "wire/link/tls.h"

namespace ebb {

namespace {

// How soon a raised flag is seen.
constexpr kj::Duration look_every = 50 * kj::MILLISECONDS;

}  // namespace

struct StorageService::State {
  State(std::unique_ptr<Ring> made, unsigned threads)
      : ring(std::move(made)), workers(*ring, threads), io(kj::setupAsyncIo()), kj(*ring, io) {}
  ~State() noexcept = default;

  std::unique_ptr<Ring> ring;
  Workers workers;
  std::unique_ptr<Arena> arena;
  kj::AsyncIoContext io;
  RingInKj kj;
  std::optional<SecureListening> secure;
  LocalAdmission local;
  std::optional<TicketAdmission> by_ticket;
  std::unique_ptr<StorageServer> server;
  std::uint16_t port = 0;
  std::mutex mutex;
  std::vector<HolderId> to_revoke;     // Under mutex.
  std::optional<std::string> to_show;  // A certificate; under mutex.
  struct PointsHere {
    std::array<std::byte, 16> repository_id;
    std::uint64_t removals = 0;
    std::vector<StorageService::StoredPoint> points;  // In the order in which they came.
  };
  std::map<std::string, PointsHere> points;  // By repository; under mutex.
  std::function<void(const ChoreNews&)> chored;

  void note_point(const std::string& repository, const SignedPoint& point, WallTime arrived);
  void note_chore(const std::string& repository, const ChoreRun& run);
  Result<void> use_certificate();
  void forget_removed(const std::string& repository);
};

StorageService::StorageService(std::unique_ptr<State> state) : state_(std::move(state)) {}
StorageService::~StorageService() = default;

Result<std::unique_ptr<StorageService>> StorageService::make(
    Wishes wishes, const Clock& clock, Random& random,
    std::function<void(std::string_view line)> log) {
  use_one_heap();
  const unsigned threads =
      wishes.threads != 0 ? wishes.threads : std::max(1u, std::thread::hardware_concurrency());
  auto state = std::make_unique<State>(TRY(Ring::make()), threads);
  state->arena = TRY(Arena::make(wishes.bounds.memory(), state->ring.get()));
  state->arena->use_huge_pages();
  state->secure = std::move(wishes.secure);
  state->chored = std::move(wishes.chored);
  if (state->secure) {
    state->by_ticket.emplace(state->secure->manager, state->secure->key.holder(), clock);
    for (const HolderId& holder : wishes.revoked) state->by_ticket->revoke(holder);
  }
  const Admission& admission =
      state->by_ticket ? static_cast<const Admission&>(*state->by_ticket) : state->local;
  state->server = std::make_unique<StorageServer>(
      StorageServer::World{
          state->kj, state->workers, random, *state->arena, std::move(log),
          [&clock, of = state.get()](const std::string& repository, const SignedPoint& point) {
            of->note_point(repository, point, clock.wall());
          },
          [of = state.get()](const std::string& repository, const ChoreRun& run) {
            of->note_chore(repository, run);
          },
          clock},
      wishes.bounds, admission);
  for (const auto& [name, folder] : wishes.repositories) {
    TRY(state->server->keep(name, folder));
  }
  for (const auto& [name, id] : TRY(state->server->repository_ids())) {
    state->points[name].repository_id = id.bytes;
  }
  TRY(state->server->each_point(
      [&](const std::string& repository, const SignedPoint& point, WallTime arrived) {
        state->note_point(repository, point, arrived);
      }));
  if (!wishes.socket.empty()) TRY(state->server->listen_on_socket(wishes.socket));
  if (state->secure)
    TRY(during(listen_securely(*state), "listening on {}", state->secure->address));
  return std::unique_ptr<StorageService>(new StorageService(std::move(state)));
}

Result<void> StorageService::listen_securely(State& state) {
  TRY(state.use_certificate());
  const SecureListening& secure = *state.secure;
  return catching([&] {
    auto address = state.kj.wait_for(
        state.io.provider->getNetwork().parseAddress(secure.address.c_str(), storage_port));
    auto receiver = address->listen();
    state.port = static_cast<std::uint16_t>(receiver->getPort());
    state.server->listen_securely(kj::mv(receiver));
  });
}

Result<void> StorageService::State::use_certificate() {
  server->use_tls(TRY(
      mutual_tls({secure->key, secure->certificate}, secure->authority, io.provider->getTimer())));
  return {};
}

std::uint16_t StorageService::port() const {
  return state_->port;
}

void StorageService::State::note_point(const std::string& repository, const SignedPoint& point,
                                       WallTime arrived) {
  const std::lock_guard lock(mutex);
  PointsHere& here = points[repository];
  here.repository_id = point.point.repository.bytes;
  here.points.push_back({point.id.bytes, point.point.volume.bytes, point.point.sequence,
                         point.point.created, arrived, point.point.grid.size(),
                         point.point.counts.stored});
}

void StorageService::State::note_chore(const std::string& repository, const ChoreRun& run) {
  if (run.ended && std::holds_alternative<PruneChore>(run.chore) && !only_looks(run.chore)) {
    forget_removed(repository);
  }
  if (!chored) return;
  chored({repository, run.id.bytes, run.chore, run.by, run.began, run.ended,
          run.result ? &*run.result : nullptr});
}

// Also of a prune that failed half-way.
void StorageService::State::forget_removed(const std::string& repository) {
  const auto names = server->point_names(repository);
  if (!names) return;  // What the catalog says too much the next start corrects.
  std::set<std::array<std::byte, 32>> there;
  for (const layout::PointName& name : *names) there.insert(name.id.bytes);
  const std::lock_guard lock(mutex);
  const auto here = points.find(repository);
  if (here == points.end()) return;
  here->second.removals += std::erase_if(
      here->second.points, [&](const auto& point) { return !there.contains(point.point); });
}

std::optional<StorageService::PointNews> StorageService::point_news(
    const std::string& repository, const std::optional<ToldPoints>& told) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->points.find(repository);
  if (found == state_->points.end()) return std::nullopt;
  const State::PointsHere& here = found->second;
  PointNews news{here.repository_id, false, {}, {here.removals, here.points.size()}};
  if (told == news.told) return std::nullopt;
  news.is_all = !told || told->removals != here.removals || told->points > here.points.size();
  const std::size_t from = news.is_all ? 0 : told->points;
  news.points.assign(here.points.begin() + static_cast<std::ptrdiff_t>(from), here.points.end());
  return news;
}

std::vector<std::string> StorageService::repositories() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, here] : state_->points) names.push_back(name);
  return names;
}

void StorageService::show_certificate(std::string certificate) {
  const std::lock_guard lock(state_->mutex);
  state_->to_show = std::move(certificate);
}

void StorageService::revoke(const HolderId& holder) {
  const std::lock_guard lock(state_->mutex);
  state_->to_revoke.push_back(holder);
}

Result<void> StorageService::begin_chore(const std::string& repository, const Chore& chore,
                                         const std::string& by) {
  return state_->server->begin_chore(repository, chore, by);
}

bool StorageService::takes_chores(const std::string& repository) const {
  return state_->server->takes_chores(repository);
}

Result<void> StorageService::run(const StopFlag& stop, const std::function<void()>& tick) {
  kj::Timer& timer = state_->io.provider->getTimer();
  while (!stop.raised()) {
    state_->kj.wait_for(timer.afterDelay(look_every));
    if (tick) tick();
    const std::lock_guard lock(state_->mutex);
    for (const HolderId& holder : std::exchange(state_->to_revoke, {})) {
      if (state_->by_ticket) state_->by_ticket->revoke(holder);
    }
    if (auto certificate = std::exchange(state_->to_show, std::nullopt)) {
      // One that cannot be used leaves the former in use.
      const std::string former =
          std::exchange(state_->secure->certificate, std::move(*certificate));
      if (!state_->use_certificate()) state_->secure->certificate = former;
    }
  }
  return state_->server->end();
}

}  // namespace ebb
