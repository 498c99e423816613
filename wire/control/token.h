// SPDX-License-Identifier: Apache-2.0
// token.h - what a person carries from the manager to a host that is to be enrolled.
//
// One line to paste: "ebb1-" and base64url of a secret (16 bytes), the SHA-256 of the authority's
// certificate, and the manager's address. The secret admits the host, once; the digest tells the
// host that it talks to the right manager before it says the secret.
#pragma once

#include <string>

#include "devmap/core/random.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"
#include "wire/link/certificate.h"

namespace ebb::control {

using TokenSecret = Secret<16, struct TokenSecretTag>;
using TokenDigest = Name<32, struct TokenDigestTag>;  // What a manager keeps of a secret.

// "host", "host:port", "[::1]:port".
struct Address {
  std::string host;
  std::uint16_t port = 0;
  std::string text() const;
  bool operator==(const Address&) const = default;
};
// `invalid` when it is none; without a port it is `port`.
Result<Address> parse_address(std::string_view text, std::uint16_t port);

struct Token {
  TokenSecret secret;
  CertificateDigest authority;
  Address manager;  // With the enrolment port.

  static Token make(const CertificateDigest& authority, Address manager, Random& random);
  TokenDigest digest() const;
  // A secret, like what it holds: to be shown once, to who asked for it.
  std::string text() const;
};
TokenDigest digest_of_secret(Bytes secret);

// `invalid` when it is none, or was not copied whole.
Result<Token> parse_token(std::string_view text);

}  // namespace ebb::control
