// SPDX-License-Identifier: Apache-2.0
#include "wire/control/manager/server.h"

#include "wire/control/manager/port.h"
#include "wire/control/protocol.h"
#include "wire/error_bridge.h"
#include "wire/link/tls.h"

namespace ebb::control {

namespace {

constexpr PortBounds control_bounds{1024, 10 * 60};
constexpr PortBounds enrolment_bounds{32, 30};
constexpr auto look_for_stop = 200 * kj::MILLISECONDS;
constexpr int looks_a_sweep = 5;

Result<kj::Own<kj::ConnectionReceiver>> listen_at(kj::AsyncIoContext& io, const Address& address) {
  return during(catching([&] {
                  return io.provider->getNetwork()
                      .parseAddress(address.text().c_str(), address.port)
                      .wait(io.waitScope)
                      ->listen();
                }),
                "listening at {}", address.text());
}

// A key and certificate for as long as this server runs; nobody knows the manager by its key, but
// by the authority and the one name.
struct OwnIdentity {
  PrivateKey key = PrivateKey::make();
  std::string certificate;
};

Result<OwnIdentity> make_identity(const Store& store, WallTime now) {
  OwnIdentity own;
  const CertificateFacts authority = TRY(facts_of(store.authority().certificate()));
  if (authority.until <= now) {
    return fail(
        Error::invalid("the authority's certificate ended at {}; make a new manager and "
                       "enroll every host with it",
                       authority.until.text()));
  }
  const WallTime from{now.nanoseconds - certificate_clock_skew_seconds * 1'000'000'000};
  own.certificate = TRY(store.authority().issue(
      own.key.request(), {Purpose::server, {manager_server_name}, from, authority.until}));
  // Who enrolls takes the authority's certificate from here, and compares its digest.
  own.certificate += store.authority().certificate();
  return own;
}

class Server {
 public:
  Server(Store& store, const Clock& clock, Random& random, ServerEvents& events)
      : desk_{store, clock, random, events} {}

  Result<void> open(const ServerAddresses& addresses) {
    const OwnIdentity own = TRY(make_identity(desk_.store, desk_.clock.wall()));
    const TlsIdentity identity{own.key, own.certificate};
    kj::Timer& timer = io_.provider->getTimer();
    auto mutual = TRY(mutual_tls(identity, desk_.store.authority().certificate(), timer));
    auto server_only = TRY(server_only_tls(identity, timer));
    auto control = TRY(listen_at(io_, addresses.control));
    auto enrolment = TRY(listen_at(io_, addresses.enrolment));
    control_ = kj::heap<Port>(
        "control", kj::mv(control), kj::mv(mutual), control_bounds, timer, desk_.events,
        [this](kj::PeerIdentity& peer, const std::string&) -> Result<capnp::Capability::Client> {
          return make_manager(desk_, TRY(holder_of(peer)));
        });
    enrolment_ = kj::heap<Port>(
        "enrolment", kj::mv(enrolment), kj::mv(server_only), enrolment_bounds, timer, desk_.events,
        [this](kj::PeerIdentity&, const std::string& from) -> Result<capnp::Capability::Client> {
          return make_enrolment(desk_, from);
        });
    desk_.control_port = control_->number();
    desk_.events.listening(control_->number(), enrolment_->number());
    return {};
  }

  Result<void> run(const StopFlag& stop) {
    while (!stop.raised()) {
      for (int look = 0; look < looks_a_sweep && !stop.raised(); ++look) {
        io_.provider->getTimer().afterDelay(look_for_stop).wait(io_.waitScope);
      }
      for (Port* const port : {control_.get(), enrolment_.get()}) {
        port->sweep();
        note_traffic(*port);
      }
    }
    return {};
  }

 private:
  // Somebody who holds the database for long must not end the server; the counts wait.
  void note_traffic(Port& port) {
    const TrafficRow taken = port.take_traffic();
    TrafficRow& waiting = &port == control_.get() ? control_traffic_ : enrolment_traffic_;
    waiting.bytes_in += taken.bytes_in;
    waiting.bytes_out += taken.bytes_out;
    waiting.connections += taken.connections;
    if (waiting.bytes_in == 0 && waiting.bytes_out == 0 && waiting.connections == 0) return;
    const auto noted = desk_.store.jobs().add_traffic(waiting);
    if (!noted) return desk_.events.event("failed traffic: " + noted.error().text());
    waiting = {waiting.port, 0, 0, 0};
  }

  kj::AsyncIoContext io_ = kj::setupAsyncIo();
  Desk desk_;
  kj::Own<Port> control_;
  kj::Own<Port> enrolment_;
  TrafficRow control_traffic_{"control", 0, 0, 0};
  TrafficRow enrolment_traffic_{"enrolment", 0, 0, 0};
};

}  // namespace

Result<void> serve_manager(Store& store, const ServerAddresses& addresses, const Clock& clock,
                           Random& random, const StopFlag& stop, ServerEvents& events) {
  return catching([&]() -> Result<void> {
    Server server(store, clock, random, events);
    TRY(server.open(addresses));
    return server.run(stop);
  });
}

}  // namespace ebb::control
