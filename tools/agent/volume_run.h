// SPDX-License-Identifier: Apache-2.0
// volume_run.h - one backup of one volume, with the hooks around it.
//
// before, backup, after: each a process. When `before` fails the backup is not made; `after` runs
// in any case, with EBB_OUTCOME (done, incomplete, failed) in its environment. Both know
// EBB_VOLUME, EBB_DEVICE and EBB_POLICY.
#pragma once

#include <functional>

#include "tools/agent/agent_state.h"
#include "tools/agent/child.h"
#include "tools/agent/find_volumes.h"

namespace ebb {

inline constexpr std::chrono::seconds hook_seconds{600};
// After the agent was told to end there is less time, for whoever told it waits.
inline constexpr std::chrono::seconds last_hook_seconds{60};

struct RunWish {
  std::string program;       // ebb
  std::string state_folder;  // Of this host's identity.
  std::string address;       // Of the storage agent: HOST:PORT.
  control::PolicyOrder policy;
  Target target;
  int lock = -1;  // Stays locked as long as the backup's process lives, even without the agent.
};

struct RunEnd {
  control::Outcome outcome = control::Outcome::failed;
  std::string message;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_stored = 0;
  std::optional<control::WirePointId> point;
  bool owes_its_hook = false;  // The agent's end cut --after short.
  bool was_stopped = false;    // By the agent's own end; it says nothing about the volume.
};

const char* word_for(control::Outcome outcome);

// Of a run whose agent ended before its --after hook had: as after one that failed. What went
// wrong, or nothing.
std::string run_owed_hook(const std::string& volume, const OwedHook& hook, const StopFlag& stop);

// `backed_up` is told of the backup's end, before the hook that comes after it.
RunEnd run_volume(const RunWish& wish, const StopFlag& stop,
                  const std::function<void(const RunEnd&)>& backed_up);

}  // namespace ebb
