// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/fingerprint.h"

#include "engine/stage/fingerprint_backends.h"

namespace ebb {

std::unique_ptr<Fingerprinter> make_fingerprinter(CryptoBackend backend, const IdKey& key) {
  switch (backend) {
    case CryptoBackend::openssl: return make_openssl_fingerprinter(key);
    case CryptoBackend::ipsec_mb: return make_ipsec_mb_fingerprinter(key);
    case CryptoBackend::isal_crypto: return make_isal_crypto_fingerprinter(key);
  }
  EBB_CHECK(false, "no such crypto backend");
}

}  // namespace ebb
