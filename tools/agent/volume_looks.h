// SPDX-License-Identifier: Apache-2.0
// volume_looks.h - looks for the volumes that policies mean, while others go on.
//
// Whoever looks at a device may wait for it without end: a path that is down, a server that is
// gone. Then what was seen last stays, and nobody waits.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "tools/agent/find_volumes.h"

namespace ebb {

class VolumeLooks {
 public:
  explicit VolumeLooks(std::string host);
  // Waits a moment for a look that is under way; one that hangs is left to the end of the process.
  ~VolumeLooks();
  VolumeLooks(const VolumeLooks&) = delete;
  VolumeLooks& operator=(const VolumeLooks&) = delete;

  // False, and nothing is begun, while a look is under way.
  bool begin(const std::vector<control::PolicyOrder>& policies);
  struct Seen {
    std::vector<control::PolicyOrder> policies;
    std::map<std::string, std::vector<Target>> targets;  // By the policy's name.
  };
  // Once, when a look has ended.
  std::optional<Seen> take();

 private:
  struct State;
  const std::string host_;
  const std::shared_ptr<State> state_;
};

}  // namespace ebb
