// SPDX-License-Identifier: Apache-2.0
#include "wire/control/client/connection.h"

#include <capnp/message.h>

#include "wire/error_bridge.h"

namespace ebb::control {

Result<std::unique_ptr<Connection>> Connection::open(const Address& address,
                                                     const MakeTls& make_tls) {
  auto opened = catching([&]() -> Result<std::unique_ptr<Connection>> {
    std::unique_ptr<Connection> connection(new Connection);
    connection->tls_ = TRY(make_tls(connection->io_.provider->getTimer()));
    connection->connect(address, *connection->tls_);
    return connection;
  });
  // Not reached, refused, another's certificate: for the caller all of it is a manager that is not
  // there, to be tried again.
  if (!opened && opened.error().kind() == ErrorKind::invalid) {
    opened = fail(Error(ErrorKind::lost, opened.error().text()));
  }
  return during(std::move(opened), "connecting to the manager at {}", address.text());
}

void Connection::connect(const Address& address, kj::TlsContext& tls) {
  auto& network = io_.provider->getNetwork();
  // The manager has one name in its certificate, by whatever name it is dialled.
  auto secured = network.parseAddress(address.text().c_str(), address.port)
                     .then([](kj::Own<kj::NetworkAddress> parsed) {
                       auto connecting = parsed->connect();
                       return connecting.attach(kj::mv(parsed));
                     })
                     .then([&tls](kj::Own<kj::AsyncIoStream> stream) {
                       return tls.wrapClient(kj::mv(stream), manager_server_name);
                     });
  stream_ = io_.provider->getTimer()
                .timeoutAfter(2 * tls_handshake_seconds * kj::SECONDS, kj::mv(secured))
                .wait(io_.waitScope);
  capnp::ReaderOptions options;
  options.traversalLimitInWords = max_message_bytes / 8;
  options.nestingLimit = max_message_depth;
  network_ =
      kj::heap<capnp::TwoPartyVatNetwork>(*stream_, capnp::rpc::twoparty::Side::CLIENT, options);
  rpc_ = kj::heap(capnp::makeRpcClient(*network_));
}

capnp::Capability::Client Connection::bootstrap() {
  capnp::MallocMessageBuilder message;
  auto server = message.initRoot<capnp::rpc::twoparty::VatId>();
  server.setSide(capnp::rpc::twoparty::Side::SERVER);
  return rpc_->bootstrap(server);
}

}  // namespace ebb::control
