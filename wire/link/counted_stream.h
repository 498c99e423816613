// SPDX-License-Identifier: Apache-2.0
// counted_stream.h - a stream that tells how many bytes went through it, each way.
//
// For traffic counts, and for whoever must know whether a peer still takes what it is sent.
#pragma once

#include <kj/async-io.h>

#include <cstdint>

namespace ebb {

class StreamWatcher {
 public:
  virtual ~StreamWatcher() = default;
  virtual void bytes_read(std::uint64_t count) = 0;
  virtual void bytes_written(std::uint64_t count) = 0;
};

// `watcher` outlives the stream.
kj::Own<kj::AsyncIoStream> counted(kj::Own<kj::AsyncIoStream> inner, StreamWatcher& watcher);

}  // namespace ebb
