// SPDX-License-Identifier: Apache-2.0
// remote_repository.h - a repository at a storage agent, for programs, which need know nothing of
// RPC.
#pragma once

#include "devmap/core/interrupt.h"
#include "engine/flow/observer.h"
#include "engine/flow/repository_access.h"
#include "wire/client/address.h"
#include "wire/client/credentials.h"

namespace ebb {

// One agent, for as long as it is asked; the ring lives in RPC's event loop until it is gone.
class RemoteLink {
 public:
  struct World {
    Ring& ring;
    Random& random;
    Observer& observer;  // Told when the connection is cut and there again.
    const StopFlag& stop;
  };
  // How long a cut connection is tried again, in seconds.
  static constexpr double default_patience = 600;

  // `credentials` are needed for another machine, and may be null for a unix socket.
  static Result<std::unique_ptr<RemoteLink>> make(World world, const RemoteAddress& address,
                                                  std::shared_ptr<const Credentials> credentials,
                                                  double patience = default_patience);
  ~RemoteLink();
  RemoteLink(const RemoteLink&) = delete;
  RemoteLink& operator=(const RemoteLink&) = delete;

  // The small objects; what a repository is made from.
  Files& files();
  // The link outlives it. Absent when there is no repository yet, denied, lost.
  Result<std::unique_ptr<RepositoryAccess>> open();

  struct State;

 private:
  explicit RemoteLink(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ebb
