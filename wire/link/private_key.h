// SPDX-License-Identifier: Apache-2.0
// private_key.h - the key that makes a party who it is.
//
// Ed25519 (RFC 8032), as kj-tls and OpenSSL 3.0 use it in TLS 1.3. It moves and never copies, has
// no formatter, and leaves the process only as PEM in a SecretBuffer, for a file of mode 0600
// (wire/link/secret_file.h).
#pragma once

#include <memory>
#include <string>

#include "devmap/core/result.h"
#include "devmap/core/secret.h"
#include "wire/link/holder.h"

namespace ebb {

class PrivateKey {
 public:
  static PrivateKey make();
  // `invalid` when it is no Ed25519 key in PEM without a password.
  static Result<PrivateKey> of_pem(Bytes pem);
  ~PrivateKey();
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;

  SecretBuffer pem() const;
  HolderId holder() const;
  // A PKCS #10 request (RFC 2986) in DER: the public key, signed to show that the private one is
  // here. It names nothing; what a certificate says is for the authority to decide.
  ByteVector request() const;

  struct State;  // OpenSSL's key; for certificate.cc and private_key.cc.
  const State& state() const { return *state_; }

 private:
  explicit PrivateKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ebb
