// SPDX-License-Identifier: Apache-2.0
// dialer.h - how a storage agent is reached, and by which right.
#pragma once

#include <kj/async-io.h>

#include <memory>

#include "devmap/core/bytes.h"
#include "wire/client/address.h"

namespace ebb {

class Dialer {
 public:
  virtual ~Dialer() = default;
  // A connection over which RPC can begin; throws what KJ throws.
  virtual kj::Promise<kj::Own<kj::AsyncIoStream>> dial(kj::AsyncIoContext& io) = 0;
  // The ticket to show; empty where none is needed.
  virtual ByteVector ticket() = 0;
};

// A unix socket of this machine: the kernel says who is there.
std::unique_ptr<Dialer> unix_dialer(std::string socket);

}  // namespace ebb
