// SPDX-License-Identifier: Apache-2.0
// volume_looks.h - looks for the volumes that policies mean, while others go on.
//
// Whoever looks at a device may wait for it without end: a path that is down, a server that is
// gone. Then what was seen last of that policy stays, and nobody waits; other policies are looked
// at by themselves.
#pragma once

#include <map>
#include <memory>

#include "tools/agent/find_volumes.h"

namespace ebb {

class VolumeLooks {
 public:
  explicit VolumeLooks(std::string host) : host_(std::move(host)) {}
  // Waits a moment for looks that are under way; those that hang are left to the end of the
  // process.
  ~VolumeLooks();
  VolumeLooks(const VolumeLooks&) = delete;
  VolumeLooks& operator=(const VolumeLooks&) = delete;

  // False, and nothing is begun, while a look at a policy of this name is under way.
  bool begin(const control::PolicyOrder& policy);
  struct Seen {
    control::PolicyOrder policy;
    std::vector<Target> targets;
  };
  // What was seen since, once.
  std::vector<Seen> take();

 private:
  struct Look;
  const std::string host_;
  std::map<std::string, std::shared_ptr<Look>> looks_;  // That were not taken yet.
};

}  // namespace ebb
