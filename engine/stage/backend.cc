// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/backend.h"

#include <cstdlib>
#include <string>

#include "engine/stage/ipsec_mb.h"
#include "engine/stage/isal_crypto.h"

namespace ebb {

std::string_view name_of(CryptoBackend backend) {
  switch (backend) {
    case CryptoBackend::openssl: return "openssl";
    case CryptoBackend::ipsec_mb: return "ipsec-mb";
    case CryptoBackend::isal_crypto: return "isal_crypto";
  }
  return "unknown";
}

std::vector<CryptoBackend> usable_backends() {
  std::vector<CryptoBackend> usable{CryptoBackend::openssl};
  if (ipsec_mb_kernels() != nullptr) usable.push_back(CryptoBackend::ipsec_mb);
  if (isal_crypto_runs_here()) usable.push_back(CryptoBackend::isal_crypto);
  return usable;
}

CryptoBackend best_backend() {
  return usable_backends().back();
}

Result<CryptoBackend> backend_named(std::string_view name) {
  std::string names;
  for (const CryptoBackend backend : usable_backends()) {
    if (name == name_of(backend)) return backend;
    if (!names.empty()) names += ", ";
    names += name_of(backend);
  }
  return fail(Error::invalid("no crypto backend \"{}\" here; there is {}", name, names));
}

Result<CryptoBackend> chosen_backend() {
  const char* const chosen = std::getenv("EBB_CRYPTO");
  if (chosen == nullptr || *chosen == '\0') return best_backend();
  return during(backend_named(chosen), "reading EBB_CRYPTO");
}

}  // namespace ebb
