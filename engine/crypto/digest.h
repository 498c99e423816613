// SPDX-License-Identifier: Apache-2.0
// digest.h - SHA-256, HMAC-SHA-256 and HKDF-SHA-256 for small things.
//
// FIPS 180-4, RFC 2104 and RFC 5869, on OpenSSL's EVP. For names of pages, points and files, and
// for deriving keys; the blocks of a device go through engine/stage/fingerprint.h, which is several
// times faster. Nothing here can fail for a reason of the world: out of memory stops the process.
#pragma once

#include <initializer_list>
#include <memory>

#include "devmap/core/bytes.h"

namespace ebb {

// The SHA-256 of some bytes.
using Digest = Name<32, struct DigestTag>;

Digest sha256(Bytes bytes);

// SHA-256 of bytes that come in pieces. finish() may be followed by a new message.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  Sha256& update(Bytes bytes);
  Digest finish();
  // The same into 32 bytes of room, for digests that must not be left in a Digest (they are keys).
  void finish_into(MutableBytes room);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// HMAC of the concatenation of `parts`. The key may have any length.
Digest hmac_sha256(Bytes key, std::initializer_list<Bytes> parts);
// The same into 32 bytes of room, for codes that are themselves keys.
void hmac_sha256_into(MutableBytes room, Bytes key, std::initializer_list<Bytes> parts);

// HKDF (RFC 5869). `room` of extract has 32 bytes; expand fills room of at most 255 * 32 bytes. The
// concatenation of `parts` is the input keying material, and the info.
void hkdf_sha256_extract(MutableBytes room, Bytes salt, std::initializer_list<Bytes> parts);
void hkdf_sha256_expand(MutableBytes room, Bytes pseudorandom_key,
                        std::initializer_list<Bytes> parts);

// Whether both are the same, in a time that depends on the lengths only.
bool equal_constant_time(Bytes a, Bytes b);

}  // namespace ebb
