// SPDX-License-Identifier: Apache-2.0
// gcm_vectors.h - test cases 13 to 16 of the GCM specification (McGrew and Viega): AES-256, nonces
// of 12 bytes. NIST's CAVP files for these lengths are more of the same kind.
#pragma once

#include <vector>

#include "tests/support/hex.h"

namespace ebb::test {

struct GcmVector {
  ByteVector key, nonce, aad, plain, ciphertext, tag;
};

inline std::vector<GcmVector> gcm_vectors() {
  const ByteVector zero_key(32);
  const ByteVector zero_nonce(12);
  const ByteVector key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const ByteVector nonce = hex("cafebabefacedbaddecaf888");
  const ByteVector plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255");
  const ByteVector ciphertext =
      hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
          "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad");
  const ByteVector shorter(plain.begin(), plain.begin() + 60);
  const ByteVector shorter_ciphertext(ciphertext.begin(), ciphertext.begin() + 60);
  return {
      {zero_key, zero_nonce, {}, {}, {}, hex("530f8afbc74536b9a963b4f1c4cb738b")},
      {zero_key,
       zero_nonce,
       {},
       ByteVector(16),
       hex("cea7403d4d606b6e074ec5d3baf39d18"),
       hex("d0d1c8a799996bf0265b98b5d48ab919")},
      {key, nonce, {}, plain, ciphertext, hex("b094dac5d93471bdec1a502270e3cc6c")},
      {key, nonce, hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), shorter, shorter_ciphertext,
       hex("76fc6ece0f4e1768cddf8853bb2d551b")},
  };
}

}  // namespace ebb::test
