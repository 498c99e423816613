// SPDX-License-Identifier: Apache-2.0
// counted_stream.h - a socket that counts, and that does not read from who does not read.
//
// Below TLS, so that what is counted is what went over the network. While something waits to be
// written nothing is read: a peer that asks and never takes the answers is not asked on, and the
// manager's memory does not grow with it.
#pragma once

#include <kj/async-io.h>

#include <cstdint>

namespace ebb::control {

struct ByteCounts {
  std::uint64_t in = 0;
  std::uint64_t out = 0;
};

// `counts` outlives the stream.
kj::Own<kj::AsyncIoStream> counted(kj::Own<kj::AsyncIoStream> stream, ByteCounts& counts);

}  // namespace ebb::control
