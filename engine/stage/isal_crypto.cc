// SPDX-License-Identifier: Apache-2.0
#include "engine/stage/isal_crypto.h"

#include <isa-l_crypto/isal_crypto_api.h>

namespace ebb {

namespace {

bool passes_its_tests() {
  const int tested = ::isal_self_tests();  // Built in only in its FIPS mode.
  return tested == ISAL_CRYPTO_ERR_NONE || tested == ISAL_CRYPTO_ERR_FIPS_DISABLED;
}

bool cpu_has_what_it_needs() {
  return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("aes") &&
         __builtin_cpu_supports("pclmul");
}

}  // namespace

bool isal_crypto_runs_here() {
  static const bool runs = cpu_has_what_it_needs() && passes_its_tests();
  return runs;
}

}  // namespace ebb
