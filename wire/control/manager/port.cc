// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/port.h"

#include "wire/control/protocol.h"
#include "wire/error_bridge.h"

namespace ebb::control {

namespace {

constexpr std::size_t word_bytes = 8;
// Calls of one connection that are being answered.
constexpr std::size_t calls_in_flight_words = 4 * max_message_bytes / word_bytes;
// Descriptors are short when accepting fails; a short wait lets connections end.
constexpr auto wait_after_failure = 200 * kj::MILLISECONDS;

capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = max_message_bytes / word_bytes;
  options.nestingLimit = max_message_depth;
  return options;
}

struct Rpc {
  Rpc(kj::AsyncIoStream& stream, capnp::Capability::Client bootstrap)
      : network(stream, capnp::rpc::twoparty::Side::SERVER, reader_options()),
        system(capnp::makeRpcServer(network, kj::mv(bootstrap))) {
    system.setFlowLimit(calls_in_flight_words);
  }
  capnp::TwoPartyVatNetwork network;
  capnp::RpcSystem<capnp::rpc::twoparty::VatId> system;
};

}  // namespace

struct Port::Connection {
  std::string from;
  ByteCounts counts;
  ByteCounts taken;        // Of `counts`, by take_traffic().
  std::uint64_t seen = 0;  // counts.in at the last sweep that found something new.
  kj::TimePoint heard;
  kj::Own<kj::PromiseFulfiller<void>> end;
};

Port::Port(std::string name, kj::Own<kj::ConnectionReceiver> receiver, kj::Own<kj::TlsContext> tls,
           PortBounds bounds, kj::Timer& timer, ServerEvents& events, Serve serve)
    : name_(std::move(name)),
      receiver_(kj::mv(receiver)),
      tls_(kj::mv(tls)),
      bounds_(bounds),
      timer_(timer),
      events_(events),
      serve_(std::move(serve)),
      tasks_(*this) {
  tasks_.add(accept_on());
}

Port::~Port() noexcept(false) {}

kj::Promise<void> Port::accept_on() {
  return receiver_->acceptAuthenticated()
      .then(
          [this](kj::AuthenticatedStream stream) -> kj::Promise<void> {
            accept(kj::mv(stream));
            return kj::READY_NOW;
          },
          [this](kj::Exception&& exception) -> kj::Promise<void> {
            events_.event(
                fmt::format("failed accept port={}: {}", name_, to_error(exception).text()));
            return timer_.afterDelay(wait_after_failure);
          })
      .then([this] { return accept_on(); });
}

void Port::accept(kj::AuthenticatedStream stream) {
  std::string from = stream.peerIdentity->toString().cStr();
  if (connections_.size() >= bounds_.connections) {
    events_.event(fmt::format("refused connection port={} from={}: {} are open, the most", name_,
                              from, bounds_.connections));
    return;
  }
  ++accepted_;
  auto ended = kj::newPromiseAndFulfiller<void>();
  connections_.push_back({std::move(from), {}, {}, 0, timer_.now(), kj::mv(ended.fulfiller)});
  const auto at = std::prev(connections_.end());
  stream.stream = counted(kj::mv(stream.stream), at->counts);
  tasks_.add(serve(*at, kj::mv(stream))
                 .exclusiveJoin(kj::mv(ended.promise))
                 .catch_([this, at](kj::Exception&& exception) {
                   events_.event(fmt::format("ended connection port={} from={}: {}", name_,
                                             at->from, to_error(exception).text()));
                 })
                 .then([this, at] {
                   closed_.in += at->counts.in - at->taken.in;
                   closed_.out += at->counts.out - at->taken.out;
                   connections_.erase(at);
                 }));
}

kj::Promise<void> Port::serve(Connection& connection, kj::AuthenticatedStream stream) {
  return tls_->wrapServer(kj::mv(stream))
      .catch_([](kj::Exception&& exception) -> kj::Promise<kj::AuthenticatedStream> {
        // OpenSSL's own words do not say which of these it is.
        return to_exception(to_error(exception).during(
            "its TLS is not 1.3, or its certificate is missing, expired or of another authority"));
      })
      .then([this, &connection](kj::AuthenticatedStream peer) -> kj::Promise<void> {
        auto bootstrap = serve_(*peer.peerIdentity, connection.from);
        if (!bootstrap) return to_exception(bootstrap.error());
        auto rpc = kj::heap<Rpc>(*peer.stream, kj::mv(*bootstrap));
        auto gone = rpc->network.onDisconnect();
        return gone.attach(kj::mv(rpc), kj::mv(peer.stream), kj::mv(peer.peerIdentity));
      });
}

void Port::sweep() {
  for (Connection& connection : connections_) {
    if (connection.counts.in != connection.seen) {
      connection.seen = connection.counts.in;
      connection.heard = timer_.now();
    } else if (timer_.now() - connection.heard > bounds_.silent_seconds * kj::SECONDS) {
      connection.end->fulfill();
    }
  }
}

TrafficRow Port::take_traffic() {
  TrafficRow taken{name_, closed_.in, closed_.out, accepted_};
  closed_ = {};
  accepted_ = 0;
  for (Connection& connection : connections_) {
    taken.bytes_in += connection.counts.in - connection.taken.in;
    taken.bytes_out += connection.counts.out - connection.taken.out;
    connection.taken = connection.counts;
  }
  return taken;
}

void Port::taskFailed(kj::Exception&& exception) {
  events_.event(fmt::format("failed port={}: {}", name_, to_error(exception).text()));
}

}  // namespace ebb::control
