// SPDX-License-Identifier: Apache-2.0
// cutting_proxy.h - stands between a client and a server, and cuts or stalls their connections.
//
// It listens on a unix socket and forwards each connection to another one, in a thread of its own;
// it knows nothing of what is said. After how many bytes, counted both ways, a connection is cut is
// decided by a seed. What was read and not yet forwarded is lost with the connection, as it is when
// a link fails. Ends, with all connections, when its owner goes.
#pragma once

#include <sys/un.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "devmap/core/random.h"
#include "devmap/core/unique_fd.h"

namespace ebb::test {

class CuttingProxy {
 public:
  struct Wishes {
    // Connections are cut after up to so many bytes; the first half of it always passes.
    std::uint64_t most_bytes = 1 << 20;
    // Then no connection is cut any more.
    unsigned cuts = 8;
    // One in so many pieces waits for some milliseconds first; 0: none.
    unsigned stalls_one_in = 0;
  };
  CuttingProxy(std::string socket, std::string server, std::uint64_t seed, const Wishes& wishes);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  const std::string& socket() const { return socket_; }
  unsigned cuts() const { return cuts_; }
  std::uint64_t bytes() const { return bytes_; }  // Forwarded to the server.

 private:
  struct Pipe;
  void run();
  void accept_one();
  // False when the connection is to be dropped.
  bool forward(Pipe& pipe, bool to_server);

  std::string socket_;
  std::string server_;
  Wishes wishes_;
  std::unique_ptr<Random> random_;
  UniqueFd listener_;
  std::vector<std::unique_ptr<Pipe>> pipes_;
  std::atomic<bool> stop_ = false;
  std::atomic<unsigned> cuts_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::thread thread_;
};

}  // namespace ebb::test
