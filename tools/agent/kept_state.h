// SPDX-License-Identifier: Apache-2.0
// kept_state.h - the agent's state, in memory and in its file, for two threads.
//
// A change is in the file when change() returns, or the log says why not: a full disk stops no
// backup.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "tools/agent/agent_state.h"

namespace ebb {

class KeptState {
 public:
  using Log = std::function<void(std::string_view line)>;
  // Reads the file; one that is missing or unreadable is an empty state.
  KeptState(std::string path, Log log);

  template <class Read>
  auto read(Read&& of) const {
    const std::lock_guard lock(mutex_);
    return of(state_);
  }
  void change(const std::function<void(AgentState&)>& how);

 private:
  const std::string path_;
  const Log log_;
  mutable std::mutex mutex_;
  AgentState state_;  // Under mutex_, as is what follows.
  std::string written_;
};

}  // namespace ebb
