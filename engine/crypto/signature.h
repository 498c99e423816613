// SPDX-License-Identifier: Apache-2.0
// signature.h - Ed25519 (RFC 8032): who made a recovery point.
//
// A seed is the 32 secret bytes of RFC 8032; everything else follows from it. Signing is
// deterministic. What is signed should begin with words that say what it is, so that a signature of
// one kind of thing is never one of another: that is the caller's part.
#pragma once

#include "devmap/core/bytes.h"
#include "devmap/core/random.h"
#include "devmap/core/secret.h"

namespace ebb {

using SigningSeed = Secret<32, struct SigningSeedTag>;
using VerifyKey = Name<32, struct VerifyKeyTag>;
using Signature = Name<64, struct SignatureTag>;

SigningSeed make_signing_seed(Random& random);
VerifyKey verify_key_of(const SigningSeed& seed);
Signature sign(const SigningSeed& seed, Bytes message);
bool verify(const VerifyKey& key, Bytes message, const Signature& signature);

}  // namespace ebb
