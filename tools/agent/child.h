// SPDX-License-Identifier: Apache-2.0
// child.h - a program that is run to its end, as a process group of its own.
//
// What it says is read as it comes and its end kept, so no pipe fills up and no hook eats memory.
// When its time is over or the agent is to stop, the whole group is asked to end by SIGTERM, and
// after a while by SIGKILL. Blocks: each run has a thread of its own.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "devmap/core/interrupt.h"
#include "devmap/core/result.h"

namespace ebb {

struct ChildWish {
  std::vector<std::string> arguments;              // The first is its path.
  std::map<std::string, std::string> environment;  // Over the agent's own.
  std::optional<std::chrono::seconds> time_limit;
  std::chrono::seconds patience{10};  // Between SIGTERM and SIGKILL, and then once more.
  const StopFlag* stop = nullptr;     // Ends it when it is raised.
  // Once this is raised it has so much time at most.
  const StopFlag* hurry = nullptr;
  std::chrono::seconds hurried_limit{0};
  int inherited = -1;  // A descriptor that stays open in it (its descriptor 3): a lock.
};

struct ChildEnd {
  enum class Why { by_itself, time_over, stopped };
  Why why = Why::by_itself;
  bool hangs = false;  // Not even SIGKILL ended it: it waits for a device, and is left alone.
  int exit_code = 0;   // 128 + n after signal n.
  std::string out;     // The last MiB of each.
  std::string err;
};

// Fails when it cannot be started.
Result<ChildEnd> run_child(const ChildWish& wish);

// The last line that has something in it, without control characters.
std::string last_line_of(const std::string& text);

}  // namespace ebb
