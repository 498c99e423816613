// SPDX-License-Identifier: Apache-2.0
// credentials.h - what a host shows to a storage agent on another machine.
#pragma once

#include <functional>
#include <string>

#include "devmap/core/bytes.h"
#include "wire/client/address.h"
#include "wire/control/ticket.h"
#include "wire/link/private_key.h"

namespace ebb {

struct Credentials {
  PrivateKey key;
  std::string certificate;  // PEM
  std::string authority;    // PEM; of both sides' certificates.
  // For a repository; asked at each connection, since tickets expire.
  std::function<Result<ByteVector>(const RemoteAddress&)> ticket;
  // This volume is going to be written, under this label: the next ticket names it. Whether that is
  // news.
  std::function<bool(const TicketVolume&, const std::string& label)> claim;
};

}  // namespace ebb
