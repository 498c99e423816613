// SPDX-License-Identifier: Apache-2.0
// engine_host.h - the engine's moving parts for one command: ring, workers, memory, a repository.
#pragma once

#include <memory>
#include <string>

#include "engine/buffer/arena.h"
#include "engine/flow/repository_access.h"
#include "engine/uring/ring.h"
#include "tools/common/outside.h"
#include "wire/client/remote_repository.h"

namespace ebb {

// Members are destroyed in the order that their users need: repository, files, workers, ring.
class EngineHost {
 public:
  // `threads` workers; 0: one for each processor.
  static Result<std::unique_ptr<EngineHost>> make(unsigned threads, Outside& outside);

  // A folder of this machine (write: nobody else writes to it meanwhile), or at a storage agent
  // (address.h), where this host shows what it has from its enrolment. `observer` outlives the
  // host.
  Result<RepositoryAccess*> open_repository(const std::string& where, StoreAccess access,
                                            Observer& observer);
  // The folder or what stands for it at a storage agent, for making a repository in it.
  Result<Files*> open_place(const std::string& where, Observer& observer);
  // Registered with the ring; at most one lives at a time.
  Result<std::unique_ptr<Arena>> arena(ByteCount size) {
    auto arena = TRY(Arena::make(size, ring_.get()));
    arena->use_huge_pages();
    return arena;
  }

  Ring& ring() { return *ring_; }
  Workers& workers() { return *workers_; }

 private:
  explicit EngineHost(Outside& outside) : outside_(outside) {}
  Outside& outside_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<Workers> workers_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<RemoteLink> link_;
  std::unique_ptr<Repository> repository_;
  std::unique_ptr<RepositoryAccess> access_;
};

}  // namespace ebb
