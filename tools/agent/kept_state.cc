// SPDX-License-Identifier: Apache-2.0
#include "tools/agent/kept_state.h"

#include "tools/common/private_file.h"

namespace ebb {

KeptState::KeptState(std::string path, Log log) : path_(std::move(path)), log_(std::move(log)) {
  written_ = read_privately(path_);
  state_ = agent_state_of(written_);
}

void KeptState::change(const std::function<void(AgentState&)>& how) {
  const std::lock_guard lock(mutex_);
  how(state_);
  std::string text = to_text(state_);
  if (text == written_) return;
  const auto kept = write_privately(path_, bytes_of(text));
  if (kept) {
    written_ = std::move(text);
  } else {
    log_("cannot keep what it knows: " + kept.error().text());
  }
}

}  // namespace ebb
