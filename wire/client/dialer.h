// SPDX-License-Identifier: Apache-2.0
// dialer.h - how a storage agent is reached, and by which right.
#pragma once

#include <kj/async-io.h>

#include <memory>

#include "devmap/core/bytes.h"
#include "wire/client/credentials.h"

namespace ebb {

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A connection over which RPC can begin; throws what KJ throws.
  virtual kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::AsyncIoContext& io) = 0;
  // The ticket to show; empty where none is needed.
  virtual Result<ByteVector> ticket() = 0;
};

// A unix socket of this machine: the kernel says who is there.
std::unique_ptr<Dialer> unix_dialer(std::string socket);

// TLS 1.3 with certificates on both sides; the agent's must name the host that is dialled.
std::unique_ptr<Dialer> tls_dialer(RemoteAddress address,
                                   std::shared_ptr<const Credentials> credentials);

}  // namespace ebb
