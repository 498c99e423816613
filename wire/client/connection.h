// SPDX-License-Identifier: Apache-2.0
// connection.h - a repository at a storage agent, through however many connections it takes.
//
// call() asks once, or, when the connection is cut meanwhile, waits, connects again and asks again:
// every verb is idempotent. Any number of stories may call at once; one of them connects. The first
// connection is tried a few times, for it may be cut while it is made, but not for long, since
// nothing has begun then; later ones with growing pauses for as long as the patience lasts. A call
// that is cut again and again is not asked for ever: pauses between connections that were of no use
// count, too.
#pragma once

#include <capnp/rpc-twoparty.h>

#include "devmap/core/interrupt.h"
#include "devmap/core/random.h"
#include "engine/flow/observer.h"
#include "wire/bytes.h"
#include "wire/client/dialer.h"
#include "wire/error_bridge.h"
#include "wire/loop/ring_in_kj.h"
#include "wire/schema/repository.capnp.h"

namespace ebb {

class Connection {
 public:
  struct World {
    RingInKj& kj;
    Observer& observer;  // Told when the connection is cut and there again.
    const StopFlag& stop;
    Random& random;
  };
  // How long a cut connection is tried again.
  static constexpr double default_patience = 600;
  // Of one call; a line that is cut so often while one is answered is none.
  static constexpr unsigned most_cuts = 1000;

  Connection(World world, std::unique_ptr<Dialer> dialer, std::string repository,
             double patience_seconds);
  ~Connection() noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  struct Session;
  // The open repository; connects when it must. A session that was dropped stays alive in the hands
  // of whoever still holds it.
  Result<std::shared_ptr<Session>> session();
  // It was found cut; the next session() connects again.
  void dropped(const Session& session);
  // Asks, and asks again where the connection was cut under it. `attempt` returns a Result and
  // leaves in `used` the session that it had.
  template <class Attempt>
  auto persistently(Attempt attempt)
      -> decltype(attempt(std::declval<std::shared_ptr<Session>&>()));
  // The next session() connects anew, with another ticket. Nothing is under way.
  void renew();

  // `ask` takes a wire::Repository::Client and returns the promise of a response.
  template <class Ask>
  auto call(Ask ask) -> Result<
      decltype(std::declval<RingInKj&>().wait_for(ask(std::declval<wire::Repository::Client&>())))>;

  RingInKj& kj() { return world_.kj; }

 private:
  Result<std::shared_ptr<Session>> connect();
  Result<std::shared_ptr<Session>> connect_at_first();
  Result<std::shared_ptr<Session>> connect_with_patience();
  double not_all_at_once(double seconds);
  Result<void> pause(double seconds);
  double pause_after(unsigned failures) const;
  kj::TimePoint now() const;

  World world_;
  std::unique_ptr<Dialer> dialer_;
  std::string repository_;
  double patience_;
  std::shared_ptr<Session> session_;
  bool connecting_ = false;
  bool was_connected_ = false;
  std::optional<Error> given_up_;  // Nobody connects again after it.
  std::uint64_t sessions_ = 0;
  // Sessions in a row that were cut before anything was answered, and the pauses between them.
  unsigned fruitless_ = 0;
  double fruitless_pauses_ = 0;
};

struct Connection::Session {
  Session(kj::Own<kj::AsyncIoStream> taken);
  kj::Own<kj::AsyncIoStream> stream;
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> rpc;
  kj::Maybe<wire::Repository::Client> repository;
  std::uint64_t number = 0;  // Of all sessions of this connection.
};

template <class Attempt>
auto Connection::persistently(Attempt attempt)
    -> decltype(attempt(std::declval<std::shared_ptr<Session>&>())) {
  for (unsigned cuts = 1;; ++cuts) {
    std::shared_ptr<Session> used;
    auto answer = attempt(used);
    if (answer) {
      fruitless_ = 0;
      fruitless_pauses_ = 0;
    }
    if (answer || !used || answer.error().kind() != ErrorKind::lost) return answer;
    dropped(*used);
    // Others may be answered all the while, and this one never.
    if (cuts == most_cuts || (cuts > 1 && fruitless_pauses_ >= patience_)) {
      return fail(answer.error().during("asking again through {} connections", cuts));
    }
  }
}

template <class Ask>
auto Connection::call(Ask ask) -> Result<
    decltype(std::declval<RingInKj&>().wait_for(ask(std::declval<wire::Repository::Client&>())))> {
  using Answer = decltype(world_.kj.wait_for(ask(std::declval<wire::Repository::Client&>())));
  return persistently([&](std::shared_ptr<Session>& used) -> Result<Answer> {
    used = TRY(session());
    return catching([&] { return world_.kj.wait_for(ask(KJ_ASSERT_NONNULL(used->repository))); });
  });
}

// The bytes of a Reply, or why not.
template <class Response>
Result<ByteVector> bytes_of_reply(const Response& response) {
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  const auto bytes = response.getBytes();
  return copy_of(std::as_bytes(std::span(bytes.begin(), bytes.size())));
}
// Nothing, or why not.
template <class Response>
Result<void> done_of_answer(const Response& response) {
  if (response.isRefused()) return fail(to_error(response.getRefused()));
  return {};
}

}  // namespace ebb
