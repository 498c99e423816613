// SPDX-License-Identifier: Apache-2.0
// tls_dialer.cc - a storage agent on another machine.
#include "wire/client/dialer.h"
#include "wire/error_bridge.h"
#include "wire/link/keep_alive.h"
#include "wire/link/tls.h"

namespace ebb {

namespace {

class TlsDialer final : public Dialer {
 public:
  TlsDialer(RemoteAddress address, std::shared_ptr<const Credentials> credentials)
      : address_(std::move(address)), credentials_(std::move(credentials)) {}
  ~TlsDialer() noexcept override = default;

  kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::AsyncIoContext& io) override {
    auto tls = mutual_tls({credentials_->key, credentials_->certificate}, credentials_->authority,
                          io.provider->getTimer());
    if (!tls) kj::throwFatalException(to_exception(tls.error()));
    tls_ = kj::mv(*tls);
    auto dialling = io.provider->getNetwork()
                        .parseAddress(address_.host.c_str(), address_.port)
                        .then([](kj::Own<kj::NetworkAddress>&& found) {
                          auto connecting = found->connect();
                          return connecting.attach(kj::mv(found));
                        })
                        .then([this](kj::Own<kj::AsyncIoStream>&& tcp) {
                          end_when_unanswered(*tcp);
                          return tls_->wrapClient(kj::mv(tcp), address_.host.c_str());
                        });
    return io.provider->getTimer().timeoutAfter(patience, kj::mv(dialling));
  }

  Result<ByteVector> ticket() override { return credentials_->ticket(address_); }

 private:
  static constexpr kj::Duration patience = 20 * kj::SECONDS;  // With the handshake.

  RemoteAddress address_;
  std::shared_ptr<const Credentials> credentials_;
  kj::Own<kj::TlsContext> tls_;
};

}  // namespace

std::unique_ptr<Dialer> tls_dialer(RemoteAddress address,
                                   std::shared_ptr<const Credentials> credentials) {
  return std::make_unique<TlsDialer>(std::move(address), std::move(credentials));
}

}  // namespace ebb
