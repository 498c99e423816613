// SPDX-License-Identifier: Apache-2.0
#include "wire/client/connection.h"

#include <algorithm>
#include <cmath>

#include "devmap/core/version.h"
#include "wire/limits.h"

namespace ebb {

namespace {

constexpr double first_pause = 0.1;
constexpr double longest_pause = 5;
// Of connections in a row that can be made, but are cut before anything is answered: so many follow
// each other at once, and then with pauses.
constexpr unsigned fruitless_at_once = 10;
// Of the first connection: where nobody is, that is to be known soon.
constexpr unsigned first_tries = 4;
constexpr double first_patience = 10;

kj::Duration seconds_of(double seconds) {
  return static_cast<std::int64_t>(seconds * 1e9) * kj::NANOSECONDS;
}

// Lost, or somebody has no room just now.
bool may_pass(const Error& error) {
  return error.kind() == ErrorKind::lost || error.kind() == ErrorKind::busy;
}

}  // namespace

Connection::Session::Session(kj::Own<kj::AsyncIoStream> taken)
    : stream(kj::mv(taken)),
      network(*stream, capnp::rpc::twoparty::Side::CLIENT, wire_limits::reader_options()),
      rpc(capnp::makeRpcClient(network)) {}

Connection::Connection(World world, std::unique_ptr<Dialer> dialer, std::string repository,
                       double patience_seconds)
    : world_(world),
      dialer_(std::move(dialer)),
      repository_(std::move(repository)),
      patience_(patience_seconds) {}

Connection::~Connection() noexcept = default;

void Connection::dropped(const Session& session) {
  if (session_.get() != &session) return;
  session_.reset();
  ++fruitless_;
}

void Connection::renew() {
  session_.reset();
  was_connected_ = false;
  given_up_.reset();
}

Result<std::shared_ptr<Connection::Session>> Connection::session() {
  while (connecting_) world_.kj.wait_for_a_turn();
  if (session_) return session_;
  // One waited for the agent for all that were cut.
  if (given_up_) return fail(*given_up_);
  connecting_ = true;
  auto connected = was_connected_ ? connect_with_patience() : connect_at_first();
  if (!connected && was_connected_) given_up_ = connected.error();
  connecting_ = false;
  world_.kj.called_back();
  session_ = TRY(std::move(connected));
  was_connected_ = true;
  return session_;
}

// A connection can be cut while it is being made, or its ticket's on the way from the manager. What
// took long to fail is not that.
Result<std::shared_ptr<Connection::Session>> Connection::connect_at_first() {
  const kj::Duration patience = seconds_of(std::min(first_patience, patience_));
  const kj::TimePoint began = now();
  for (unsigned tries = 1;; ++tries) {
    auto connected = connect();
    if (connected || !may_pass(connected.error())) return connected;
    if (tries == first_tries || now() - began >= patience) return connected;
    TRY(pause(not_all_at_once(pause_after(tries))));
  }
}

Result<std::shared_ptr<Connection::Session>> Connection::connect_with_patience() {
  world_.observer.note("the connection to the storage agent was cut; connecting again");
  if (fruitless_ > fruitless_at_once) {
    const double pause_now = not_all_at_once(pause_after(fruitless_ - fruitless_at_once));
    fruitless_pauses_ += pause_now;
    TRY(pause(pause_now));
  }
  const kj::TimePoint began = now();
  for (unsigned failures = 1;; ++failures) {
    if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
    auto connected = connect();
    if (connected) {
      world_.observer.note("connected again");
      return connected;
    }
    if (!may_pass(connected.error())) return connected;
    const auto waited = static_cast<double>((now() - began) / kj::MILLISECONDS) / 1000;
    if (waited >= patience_) {
      return fail(connected.error().during("connecting again for {:.0f} s", waited));
    }
    TRY(pause(not_all_at_once(pause_after(failures))));
  }
}

double Connection::pause_after(unsigned failures) const {
  return std::min(std::ldexp(first_pause, static_cast<int>(failures) - 1), longest_pause);
}

kj::TimePoint Connection::now() const {
  return world_.kj.io().provider->getTimer().now();
}

// For when an agent comes back to its many peers.
double Connection::not_all_at_once(double seconds) {
  return seconds * (0.5 + static_cast<double>(world_.random.below(1000)) / 1000.0);
}

Result<void> Connection::pause(double seconds) {
  for (double left = seconds; left > 0; left -= first_pause) {
    if (world_.stop.raised()) return fail(Error{ErrorKind::busy, "it was interrupted"});
    world_.kj.wait_for(
        world_.kj.io().provider->getTimer().afterDelay(seconds_of(std::min(left, first_pause))));
  }
  return {};
}

Result<std::shared_ptr<Connection::Session>> Connection::connect() {
  return catching([&]() -> Result<std::shared_ptr<Session>> {
    kj::Own<kj::AsyncIoStream> stream;
    try {
      stream = world_.kj.wait_for(dialer_->dial(world_.kj.io()));
    } catch (const kj::Exception& exception) {
      // Whatever keeps us from getting there may pass, but for a peer that is not who it should be.
      const Error error = to_error(exception);
      return fail(Error{error.kind() == ErrorKind::invalid ? ErrorKind::lost : error.kind(),
                        fmt::format("connecting to the storage agent: {}", error.text())});
    }
    auto session = std::make_shared<Session>(kj::mv(stream));
    session->number = ++sessions_;
    capnp::MallocMessageBuilder message;
    auto peer = message.initRoot<capnp::rpc::twoparty::VatId>();
    peer.setSide(capnp::rpc::twoparty::Side::SERVER);
    auto agent = session->rpc.bootstrap(peer).castAs<wire::StorageAgent>();
    auto request = agent.openRequest();
    auto hello = request.initHello();
    hello.setVersion(wire::PROTOCOL_VERSION);
    hello.setOldest(wire::PROTOCOL_VERSION);
    hello.setProgram(version_text);
    request.setRepository(repository_.c_str());
    const ByteVector ticket = TRY(dialer_->ticket());
    request.setTicket(kj_bytes(ticket));
    auto opened = world_.kj.wait_for(request.send());
    if (opened.isRefused()) return fail(to_error(opened.getRefused()));
    session->repository = opened.getRepository();
    return session;
  });
}

}  // namespace ebb
