// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/gcm_kernel.h"

#include "devmap/core/check.h"

namespace ebb {

std::unique_ptr<GcmKernel> make_gcm_kernel(CryptoBackend backend,
                                           std::span<const std::byte, 32> key) {
  switch (backend) {
    case CryptoBackend::openssl: return make_openssl_gcm_kernel(key);
    case CryptoBackend::ipsec_mb: return make_ipsec_mb_gcm_kernel(key);
    case CryptoBackend::isal_crypto: return make_isal_crypto_gcm_kernel(key);
  }
  EBB_CHECK(false, "no such crypto backend");
}

}  // namespace ebb
