// SPDX-License-Identifier: Apache-2.0
// evp.h - OpenSSL's objects, owned. Only for the .cc files of engine that call OpenSSL.
//
// Algorithms are fetched once for the life of the process: a fetch costs more than hashing a small
// object, and what was fetched is constant and may be used by all threads.
#pragma once

#include <openssl/evp.h>

#include <climits>
#include <memory>

#include "devmap/core/bytes.h"
#include "devmap/core/check.h"

namespace ebb::evp {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

using MdContext = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Release<EVP_CIPHER_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX_free>>;

const EVP_MD* sha256();
const EVP_CIPHER* aes_128_gcm();
const EVP_CIPHER* aes_256_gcm();

inline const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw_room(MutableBytes bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}
// EVP counts in int.
inline int length_of(Bytes bytes) {
  EBB_CHECK(bytes.size() <= INT_MAX, "OpenSSL takes no more than 2 GiB at once");
  return static_cast<int>(bytes.size());
}

}  // namespace ebb::evp

// For calls that fail only when memory is out or the library is broken.
#define EBB_EVP_CHECK(call) EBB_CHECK((call) == 1, "OpenSSL refused what it must be able to do")
