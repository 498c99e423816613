// SPDX-License-Identifier: Apache-2.0
#include "wire/link/tls.h"

#include <kj/debug.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>

#include "wire/error_bridge.h"
#include "wire/link/openssl.h"

namespace ebb {

namespace {

// As config(5) of OpenSSL has it: "system_default" is applied to every SSL_CTX when it is made.
constexpr std::string_view policy =
    "ebb = ebb_init\n"
    "[ebb_init]\n"
    "ssl_conf = ebb_ssl\n"
    "[ebb_ssl]\n"
    "system_default = ebb_tls\n"
    "[ebb_tls]\n"
    "MinProtocol = TLSv1.3\n"
    "MaxProtocol = TLSv1.3\n"
    "Options = -SessionTicket\n"
    "NumTickets = 0\n";

bool load_policy() {
  // The system's own configuration first, so that it is not loaded over this one later.
  EBB_OSSL_CHECK(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr));
  CONF* const conf = NCONF_new(nullptr);
  const ossl::Bio text(BIO_new_mem_buf(policy.data(), static_cast<int>(policy.size())));
  EBB_CHECK(conf != nullptr && text, "out of memory");
  long line = 0;
  EBB_CHECK(NCONF_load_bio(conf, text.get(), &line) > 0, "OpenSSL cannot read the TLS policy");
  EBB_CHECK(CONF_modules_load(conf, "ebb", 0) > 0, "OpenSSL does not take the TLS policy");
  NCONF_free(conf);
  return true;
}

// kj-tls writes to the error output by itself, with a stack trace, that a goodbye did not reach a
// peer that was gone. Whatever matters comes as an exception.
bool silence_kj() {
  kj::_::Debug::setLogLevel(kj::LogSeverity::FATAL);
  return true;
}

kj::TlsContext::Options common_options(kj::Timer& timer) {
  require_tls_1_3();
  [[maybe_unused]] static const bool silent = silence_kj();
  kj::TlsContext::Options options;
  options.useSystemTrustStore = false;
  options.minVersion = kj::TlsVersion::TLS_1_2;  // The most that it can say.
  options.timer = timer;
  options.acceptTimeout = tls_handshake_seconds * kj::SECONDS;
  return options;
}

kj::TlsKeypair keypair_of(const TlsIdentity& identity) {
  SecretBuffer pem = identity.key.pem();
  // kj wants a zero byte at the end.
  SecretBuffer ended(pem.reveal().size() + 1);
  std::memcpy(ended.room().data(), pem.reveal().data(), pem.reveal().size());
  const kj::StringPtr text(reinterpret_cast<const char*>(ended.reveal().data()),
                           pem.reveal().size());
  return {kj::TlsPrivateKey(text), kj::TlsCertificate(identity.certificate.c_str())};
}

}  // namespace

void require_tls_1_3() {
  static const bool loaded = load_policy();
  EBB_CHECK(loaded, "the TLS policy is in force");
}

Result<kj::Own<kj::TlsContext>> mutual_tls(const TlsIdentity& identity,
                                           const std::string& authority, kj::Timer& timer) {
  return catching([&] {
    kj::TlsContext::Options options = common_options(timer);
    const kj::TlsKeypair keypair = keypair_of(identity);
    const kj::TlsCertificate trusted(authority.c_str());
    options.defaultKeypair = keypair;
    options.trustedCertificates = kj::arrayPtr(&trusted, 1);
    options.verifyClients = true;
    return kj::heap<kj::TlsContext>(options);
  });
}

Result<kj::Own<kj::TlsContext>> server_only_tls(const TlsIdentity& identity, kj::Timer& timer) {
  return catching([&] {
    kj::TlsContext::Options options = common_options(timer);
    const kj::TlsKeypair keypair = keypair_of(identity);
    options.defaultKeypair = keypair;
    return kj::heap<kj::TlsContext>(options);
  });
}

Result<kj::Own<kj::TlsContext>> anonymous_client_tls(const std::string& authority,
                                                     kj::Timer& timer) {
  return catching([&] {
    kj::TlsContext::Options options = common_options(timer);
    const kj::TlsCertificate trusted(authority.c_str());
    options.trustedCertificates = kj::arrayPtr(&trusted, 1);
    return kj::heap<kj::TlsContext>(options);
  });
}

Result<HolderId> holder_of(kj::PeerIdentity& peer) {
  auto* const tls = dynamic_cast<kj::TlsPeerIdentity*>(&peer);
  if (tls == nullptr || !tls->hasCertificate()) {
    return fail(Error::denied("the peer showed no certificate; it has to be enrolled first"));
  }
  const kj::String name = TRY(catching([&] { return tls->getCommonName(); }));
  const auto holder = HolderId::from_hex_text({name.begin(), name.size()});
  if (!holder) {
    return fail(
        Error::denied("the peer's certificate does not name a holder; ebb did not make it"));
  }
  return *holder;
}

}  // namespace ebb
