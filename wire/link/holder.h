// SPDX-License-Identifier: Apache-2.0
// holder.h - who a party is: the SHA-256 of its public key.
//
// Of the SubjectPublicKeyInfo, as it stands in the party's certificate. The certificate's common
// name is the same in hexadecimal (64 characters, as long as X.509 lets it be), because that is all
// of a peer's certificate that kj-tls shows. A renewed certificate of the same key is the same
// holder.
#pragma once

#include "devmap/core/bytes.h"

namespace ebb {

using HolderId = Name<32, struct HolderIdTag>;

// For messages: the first 12 digits, which is what commands take too.
inline std::string short_text(const HolderId& holder) {
  return holder.hex().substr(0, 12);
}

}  // namespace ebb
