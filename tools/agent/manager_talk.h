// SPDX-License-Identifier: Apache-2.0
// manager_talk.h - what an agent and its manager say to each other at each poll.
//
// Jobs are reported, orders taken, tickets and the certificate renewed long before they end, so
// that backups go on while the manager is down. What could not be said is said at the next poll.
// Knows no schedule and starts no backup.
#pragma once

#include <mutex>
#include <set>

#include "tools/agent/kept_state.h"
#include "tools/common/host_identity.h"

namespace ebb {

// To which repositories runs are under way. A ticket is not renewed beside a run, which may claim a
// volume meanwhile, and no run begins while it is; the mutex is never held while somebody is asked.
struct BusyRepositories {
  std::mutex mutex;
  std::multiset<std::string> names;
  std::set<std::string> renewing;
};

class ManagerTalk {
 public:
  struct World {
    KeptState& state;
    BusyRepositories& busy;
    std::string state_folder;
    const Clock& clock;
    KeptState::Log log;
  };
  ManagerTalk(World world, std::shared_ptr<HostIdentity> identity)
      : world_(std::move(world)), identity_(std::move(identity)) {}

  // One poll. Says in the log when the manager is lost, and when it is back; once each.
  void talk();

 private:
  Result<void> poll();
  Result<void> renew_certificate(control::ControlClient& manager);
  void renew_tickets(control::ControlClient& manager);
  void say_once(const std::string& about, const std::string& line);

  World world_;
  std::shared_ptr<HostIdentity> identity_;
  std::map<std::string, double> renewed_;    // Repository: by the steady clock.
  std::map<std::string, std::string> said_;  // About what, what.
};

}  // namespace ebb
