// SPDX-License-Identifier: Apache-2.0
// certificate.h - X.509 certificates (RFC 5280): a manager's authority, and what it issues.
//
// Every issued certificate has the holder's id as its common name (holder.h), and nothing that its
// holder asked for except server names which the manager allowed. A certificate says what its
// holder may be in a TLS connection, client or server or both, and OpenSSL holds it to that: a
// source's certificate opens no server.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "devmap/core/clock.h"
#include "wire/link/private_key.h"

namespace ebb {

using CertificateDigest = Name<32, struct CertificateDigestTag>;  // SHA-256 of the DER.

inline constexpr std::int64_t seconds_in_day = 24 * 60 * 60;
inline constexpr std::int64_t authority_days = 3653;  // Ten years.
inline constexpr std::int64_t certificate_days = 365;
// Certificates are valid from a little before they are made, for clocks that differ.
inline constexpr std::int64_t certificate_clock_skew_seconds = 5 * 60;

inline constexpr std::size_t max_server_names = 16;
inline constexpr std::size_t max_server_name_bytes = 253;
inline constexpr std::size_t max_certificate_bytes = 16384;  // In DER or PEM.
inline constexpr std::size_t max_request_bytes = 4096;

// The moment `days` after `time`.
WallTime days_after(WallTime time, std::int64_t days);

// A host name, or an IP address as text.
bool is_server_name(std::string_view name);

enum class Purpose { client, server, both };

struct CertificateOrder {
  Purpose purpose = Purpose::client;
  std::vector<std::string> server_names;  // Empty unless it is a server.
  WallTime from;
  WallTime until;
};

// What a certificate says. Whether it is believed is for who holds the authority's certificate.
struct CertificateFacts {
  HolderId holder;  // Of its key, not as it says.
  std::string common_name;
  WallTime from;
  WallTime until;
  CertificateDigest digest;
};
// `invalid` when it is no certificate in PEM, or more than one.
Result<CertificateFacts> facts_of(const std::string& certificate_pem);

// Makes certificates. One a manager.
class CertificateAuthority {
 public:
  // A new key and a certificate signed by itself, valid for ten years from `now`.
  static CertificateAuthority make(WallTime now);
  // `mismatch` when the certificate is not that of the key.
  static Result<CertificateAuthority> of(std::string certificate_pem, PrivateKey key);

  const std::string& certificate() const { return certificate_; }  // PEM
  const PrivateKey& key() const { return key_; }

  // For the key that made `request` (PrivateKey::request). `invalid` when that is no request, or
  // not signed by its own key. PEM.
  Result<std::string> issue(Bytes request, const CertificateOrder& order) const;

 private:
  CertificateAuthority(std::string certificate, PrivateKey key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  std::string certificate_;
  PrivateKey key_;
};

// Whose public key a request holds; `invalid` as in issue().
Result<HolderId> holder_in_request(Bytes request);

}  // namespace ebb
