// SPDX-License-Identifier: Apache-2.0
// engine_host.h - the engine's moving parts for one command: ring, workers, memory, a repository.
#pragma once

#include <memory>
#include <string>

#include "engine/buffer/arena.h"
#include "engine/repo/repository.h"
#include "engine/uring/ring.h"

namespace ebb {

// Members are destroyed in the order that their users need: repository, files, workers, ring.
class EngineHost {
 public:
  // `threads` workers; 0: one for each processor.
  static Result<std::unique_ptr<EngineHost>> make(unsigned threads, Random& random);

  Result<Repository*> open_repository(const std::string& path, StoreAccess access);
  // Registered with the ring; at most one lives at a time.
  Result<std::unique_ptr<Arena>> arena(ByteCount size) { return Arena::make(size, ring_.get()); }

  Ring& ring() { return *ring_; }
  Workers& workers() { return *workers_; }
  Files& files() { return *files_; }

 private:
  explicit EngineHost(Random& random) : random_(random) {}
  Random& random_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<Repository> repository_;
};

}  // namespace ebb
