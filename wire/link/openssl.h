// SPDX-License-Identifier: Apache-2.0
// openssl.h - OpenSSL's objects, owned, and its refusals in words. Only for .cc files of wire/.
//
// The engine has a room of its own for what it does with OpenSSL (engine/crypto/); what only
// controls may not include it, so the few calls that identities and tickets need stand here.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "devmap/core/bytes.h"
#include "devmap/core/check.h"

namespace ebb::ossl {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using MdContext = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using X509Certificate = std::unique_ptr<X509, Release<X509_free>>;
using X509Request = std::unique_ptr<X509_REQ, Release<X509_REQ_free>>;
using X509Extension = std::unique_ptr<X509_EXTENSION, Release<X509_EXTENSION_free>>;

inline const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw_room(MutableBytes bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// What OpenSSL says of its last failure; its queue of errors is empty afterwards.
inline std::string last_words() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "OpenSSL gives no reason" : reason;
}

// SHA-256 (FIPS 180-4), as a name of what it digests.
template <class Named>
Named sha256_name(Bytes bytes) {
  static_assert(Named::size == 32);
  Named name;
  EBB_CHECK(EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(),
                         raw_room(name.bytes), nullptr) == 1,
            "OpenSSL has no SHA-256");
  return name;
}

}  // namespace ebb::ossl

// For calls that fail only when memory is out or the library is broken.
#define EBB_OSSL_CHECK(call) EBB_CHECK((call) == 1, "OpenSSL refused what it must be able to do")
