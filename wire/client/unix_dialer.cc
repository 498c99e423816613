// SPDX-License-Identifier: Apache-2.0
// unix_dialer.cc - a storage agent on the same machine.
#include "wire/client/dialer.h"

namespace ebb {

namespace {

class UnixDialer final : public Dialer {
 public:
  explicit UnixDialer(std::string socket) : socket_(std::move(socket)) {}
  kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::AsyncIoContext& io) override {
    return io.provider->getNetwork()
        .parseAddress(kj::str("unix:", socket_.c_str()))
        .then([](kj::Own<kj::NetworkAddress>&& address) {
          auto connecting = address->connect();
          return connecting.attach(kj::mv(address));
        });
  }
  Result<ByteVector> ticket() override { return ByteVector(); }

 private:
  std::string socket_;
};

}  // namespace

std::unique_ptr<Dialer> unix_dialer(std::string socket) {
  return std::make_unique<UnixDialer>(std::move(socket));
}

}  // namespace ebb
