// SPDX-License-Identifier: Apache-2.0
#include "wire/control/client/fetch_authority.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <ctime>

#include "wire/control/protocol.h"
#include "wire/link/openssl.h"
#include "wire/link/tls.h"

namespace ebb::control {

namespace {

constexpr unsigned look_again_ms = 50;

struct Wanted {
  CertificateDigest digest;
  std::string pem;
};

using Context = std::unique_ptr<SSL_CTX, ossl::Release<SSL_CTX_free>>;

std::string pem_of(X509* certificate) {
  const ossl::Bio bio(BIO_new(BIO_s_mem()));
  EBB_CHECK(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "out of memory");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

// Takes the place of OpenSSL's verification: is the one certificate there, as it must be? Whether
// the server's own was made by it, the next connection verifies.
int look_for_authority(X509_STORE_CTX* shown, void* wanted_by) {
  Wanted& wanted = *static_cast<Wanted*>(wanted_by);
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(shown);
  for (int i = 0; chain != nullptr && i < sk_X509_num(chain); ++i) {
    const std::string pem = pem_of(sk_X509_value(chain, i));
    const auto facts = facts_of(pem);
    if (!facts || facts->digest != wanted.digest) continue;
    wanted.pem = pem;
    return 1;
  }
  X509_STORE_CTX_set_error(shown, X509_V_ERR_CERT_UNTRUSTED);
  return 0;
}

// BIO_do_connect_retry would go on where nobody listens, until its time is over.
int connect_until(BIO* connection, std::time_t until) {
  for (;;) {
    const int connected = static_cast<int>(BIO_do_connect(connection));
    if (connected > 0 || !BIO_should_retry(connection)) return connected;
    if (BIO_wait(connection, until, look_again_ms) <= 0) return connected;
  }
}

}  // namespace

Result<std::string> fetch_authority(const Address& address, const CertificateDigest& digest) {
  require_tls_1_3();
  Wanted wanted{digest, {}};
  const Context context(SSL_CTX_new(TLS_client_method()));
  EBB_CHECK(context, "out of memory");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), look_for_authority, &wanted);
  const ossl::Bio connection(BIO_new_ssl_connect(context.get()));
  EBB_CHECK(connection, "out of memory");
  BIO_set_conn_hostname(connection.get(), address.text().c_str());
  BIO_set_nbio(connection.get(), 1);
  SSL* ssl = nullptr;
  BIO_get_ssl(connection.get(), &ssl);
  EBB_CHECK(ssl != nullptr, "an SSL BIO without SSL");
  SSL_set_tlsext_host_name(ssl, manager_server_name);
  const int connected = connect_until(connection.get(), std::time(nullptr) + tls_handshake_seconds);
  if (connected == 1 && !wanted.pem.empty()) {
    ERR_clear_error();
    return wanted.pem;
  }
  if (SSL_get_verify_result(ssl) == X509_V_ERR_CERT_UNTRUSTED) {
    ERR_clear_error();
    return fail(
        Error::denied("{} is not the manager that made this token (it shows no certificate with "
                      "the digest {}…); is the address right?",
                      address.text(), digest.hex().substr(0, 16)));
  }
  return fail(Error::lost("{} cannot be reached or does not speak TLS 1.3: {}", address.text(),
                          ossl::last_words()));
}

}  // namespace ebb::control
