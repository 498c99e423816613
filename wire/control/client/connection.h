// SPDX-License-Identifier: Apache-2.0
// connection.h - one connection to a manager's port, with an event loop of its own. Only for the
// .cc files of wire/control/client/.
#pragma once

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <functional>
#include <memory>

#include "wire/control/protocol.h"
#include "wire/control/token.h"
#include "wire/link/tls.h"

namespace ebb::control {

class Connection {
 public:
  // What makes the TLS context, given the timer of this connection's loop.
  using MakeTls = std::function<Result<kj::Own<kj::TlsContext>>(kj::Timer&)>;
  static Result<std::unique_ptr<Connection>> open(const Address& address, const MakeTls& make_tls);

  capnp::Capability::Client bootstrap();

  // Waits for an answer, at most `answer_seconds`. `lost` when the connection ended.
  template <class T>
  T wait(kj::Promise<T> promise) {
    return io_.provider->getTimer()
        .timeoutAfter(answer_seconds * kj::SECONDS, kj::mv(promise))
        .wait(io_.waitScope);
  }

  static constexpr int answer_seconds = 60;

 private:
  Connection() = default;
  void connect(const Address& address, kj::TlsContext& tls);

  // In the order in which they are needed by what follows.
  kj::AsyncIoContext io_ = kj::setupAsyncIo();
  kj::Own<kj::TlsContext> tls_;
  kj::Own<kj::AsyncIoStream> stream_;
  kj::Own<capnp::TwoPartyVatNetwork> network_;
  kj::Own<capnp::RpcSystem<capnp::rpc::twoparty::VatId>> rpc_;
};

}  // namespace ebb::control
