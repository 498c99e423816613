// SPDX-License-Identifier: Apache-2.0
// backend.h - who computes fingerprints and seals: which library's kernels.
//
// All backends give the same bytes and are tested against each other, so the choice is one of
// speed, made once at the start of a program and handed down. Which of them may be used follows
// from the build and the CPU.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "devmap/core/result.h"

namespace ebb {

enum class CryptoBackend : std::uint8_t {
  openssl,      // EVP. Works everywhere.
  ipsec_mb,     // intel-ipsec-mb: SHA-256 in up to 16 lanes, VAES. x86-64 with AES-NI.
  isal_crypto,  // isa-l_crypto: the like, from Intel's storage library. Only where it is installed.
};

std::string_view name_of(CryptoBackend backend);

// Those that run on this CPU, slowest first; never empty.
std::vector<CryptoBackend> usable_backends();
// The fastest one.
CryptoBackend best_backend();
// The one of that name; `invalid`, naming the usable ones, when it is unknown or cannot run here.
Result<CryptoBackend> backend_named(std::string_view name);
// What the environment variable EBB_CRYPTO names, or the best one when it is not set or empty.
Result<CryptoBackend> chosen_backend();

}  // namespace ebb
