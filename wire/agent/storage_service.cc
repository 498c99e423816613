// SPDX-License-Identifier: Apache-2.0
#include "wire/agent/storage_service.h"

#include <algorithm>
#include <thread>

#include "engine/buffer/one_heap.h"
#include "wire/agent/storage_server.h"

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
  std::unique_ptr<StorageServer> server;
};

StorageService::StorageService(std::unique_ptr<State> state) : state_(std::move(state)) {}
StorageService::~StorageService() = default;

Result<std::unique_ptr<StorageService>> StorageService::make(
    const Wishes& wishes, Random& random, std::function<void(std::string_view line)> log) {
  use_one_heap();
  const unsigned threads =
      wishes.threads != 0 ? wishes.threads : std::max(1u, std::thread::hardware_concurrency());
  auto state = std::make_unique<State>(TRY(Ring::make()), threads);
  state->arena = TRY(Arena::make(wishes.bounds.memory(), state->ring.get()));
  state->server = std::make_unique<StorageServer>(
      StorageServer::World{state->kj, state->workers, random, *state->arena, std::move(log)},
      wishes.bounds, admit_local);
  for (const auto& [name, folder] : wishes.repositories) {
    TRY(state->server->keep(name, folder));
  }
  TRY(state->server->listen_on_socket(wishes.socket));
  return std::unique_ptr<StorageService>(new StorageService(std::move(state)));
}

Result<void> StorageService::run(const StopFlag& stop) {
  kj::Timer& timer = state_->io.provider->getTimer();
  while (!stop.raised()) state_->kj.wait_for(timer.afterDelay(look_every));
  return state_->server->end();
}

}  // namespace ebb
