// SPDX-License-Identifier: Apache-2.0
// kept_state.h - the agent's state, in memory and in its file, for its threads.
#pragma once

#include "tools/agent/agent_state.h"
#include "tools/common/kept.h"

namespace ebb {

class KeptState : public Kept<AgentState> {
 public:
  KeptState(std::string path, Log log) : Kept(std::move(path), agent_state_of, std::move(log)) {}
};

}  // namespace ebb
