// SPDX-License-Identifier: Apache-2.0
// no_isal_crypto.cc - stands for the isa-l_crypto backend where the library is not installed.
//
// usable_backends() does not list what does not run, so nobody can ask for its kernels.
#include "engine/stage/fingerprint_backends.h"
#include "engine/stage/gcm_kernel.h"
#include "engine/stage/isal_crypto.h"

namespace ebb {

bool isal_crypto_runs_here() {
  return false;
}

std::unique_ptr<Fingerprinter> make_isal_crypto_fingerprinter(const IdKey&) {
  EBB_CHECK(false, "ebb was built without isa-l_crypto");
}

std::unique_ptr<GcmKernel> make_isal_crypto_gcm_kernel(std::span<const std::byte, 32>) {
  EBB_CHECK(false, "ebb was built without isa-l_crypto");
}

}  // namespace ebb
