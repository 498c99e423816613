// SPDX-License-Identifier: Apache-2.0
// manager_poll.h - the storage agent's talk with its manager: who was revoked and how long points
// are kept; which points came and went, and what was done to keep repositories in order; and a
// sealed copy of the manager's state.
//
// A thread of its own, since the agent's has an event loop already. The agent works without a
// manager as long as tickets last; what could not be told is told at the next poll that gets
// through.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>

#include "tools/storage/housekeeping.h"
#include "tools/storage/manager_copies.h"
#include "wire/agent/storage_service.h"
#include "wire/control/client/control_client.h"

namespace ebb {

class ManagerPoll {
 public:
  struct World {
    StorageService& service;
    control::Identity identity;
    std::string state_folder;  // Of the identity.
    std::string own_address;   // As clients dial it.
    KeptStorageState& state;
    ManagerCopies copies;
    const Clock& clock;
    Random& random;
    std::function<void(std::string_view line)> log;
  };
  ManagerPoll(World world, std::chrono::seconds every);
  ~ManagerPoll();
  ManagerPoll(const ManagerPoll&) = delete;
  ManagerPoll& operator=(const ManagerPoll&) = delete;

 private:
  void run();
  Result<void> poll();
  Result<void> renew_certificate(control::ControlClient& manager);
  bool is_ending();
  Result<void> tell_points(control::ControlClient& manager, const std::string& repository,
                           const control::StoredRepository& managers);
  Result<void> keep_copy(control::ControlClient& manager);
  void say_once(const std::string& what, const std::string& trouble);

  World world_;
  std::chrono::seconds every_;
  // What the manager was told of a repository's points, in which listing.
  struct Listed {
    std::uint64_t listing = 0;
    std::optional<control::ToldMark> mark;
    StorageService::ToldPoints told;
  };
  std::map<std::string, Listed> listed_;         // By repository.
  std::optional<control::CopyDigest> copy_;      // That is kept.
  std::map<std::string, std::string> troubles_;  // Said once, until they are over.
  bool was_reached_ = true;                      // Said once, not at each poll.
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;  // Under mutex_.
  std::thread thread_;
};

}  // namespace ebb
