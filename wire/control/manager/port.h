// SPDX-License-Identifier: Apache-2.0
// port.h - one listening port of the manager: connections, bounded in number and in idle time.
//
// A connection is counted, wrapped in TLS, and served until its peer goes away or has been silent
// for too long. What it is served is for whoever made the port to say. One thread; what is wrong
// with a connection ends that connection.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/compat/tls.h>

#include <functional>
#include <list>

#include "wire/control/manager/counted_stream.h"
#include "wire/control/manager/sessions.h"

namespace ebb::control {

struct PortBounds {
  std::size_t connections = 0;
  int silent_seconds = 0;  // A connection with no bytes in for so long is ended.
};

class Port final : private kj::TaskSet::ErrorHandler {
 public:
  // The bootstrap interface for a peer; `denied` ends the connection.
  using Serve =
      std::function<Result<capnp::Capability::Client>(kj::PeerIdentity&, const std::string& from)>;

  Port(std::string name, kj::Own<kj::ConnectionReceiver> receiver, kj::Own<kj::TlsContext> tls,
       PortBounds bounds, kj::Timer& timer, ServerEvents& events, Serve serve);
  ~Port() noexcept(false);

  const std::string& name() const { return name_; }
  std::uint16_t number() { return static_cast<std::uint16_t>(receiver_->getPort()); }
  // Ends what has been silent for too long.
  void sweep();
  // What was counted since the last time.
  TrafficRow take_traffic();

 private:
  struct Connection;
  kj::Promise<void> accept_on();
  void accept(kj::AuthenticatedStream stream);
  kj::Promise<void> serve(Connection& connection, kj::AuthenticatedStream stream);
  void taskFailed(kj::Exception&& exception) override;

  const std::string name_;
  kj::Own<kj::ConnectionReceiver> receiver_;
  kj::Own<kj::TlsContext> tls_;
  const PortBounds bounds_;
  kj::Timer& timer_;
  ServerEvents& events_;
  const Serve serve_;
  ByteCounts closed_;  // Of connections that are gone and not yet taken.
  std::uint64_t accepted_ = 0;
  std::list<Connection> connections_;
  kj::TaskSet tasks_;
};

}  // namespace ebb::control
