// SPDX-License-Identifier: Apache-2.0
// isal_crypto.h - whether isa-l_crypto may be used. Only for engine/stage.
//
// The build compiles either the backend (isal_crypto.cc, fingerprint_isal_crypto.cc,
// gcm_kernel_isal_crypto.cc), where the library is installed, or no_isal_crypto.cc, which says that
// it is not. Nobody else sees the library's headers or knows which of the two was chosen.
#pragma once

namespace ebb {

// Whether it was there when ebb was built, this CPU has what its kernels take for granted (it does
// not check for AES-NI and PCLMULQDQ itself), and its own test of itself, if built in, passed.
bool isal_crypto_runs_here();

}  // namespace ebb
