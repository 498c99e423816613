// SPDX-License-Identifier: Apache-2.0
// outside.h - all that a program touches besides devices: output, clock, environment, a person.
//
// A command gets one of these, so that a test can run the whole program in its own process.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "devmap/core/clock.h"
#include "devmap/core/interrupt.h"
#include "devmap/core/random.h"
#include "devmap/core/result.h"
#include "devmap/core/secret.h"

namespace ebb {

struct Outside {
  std::ostream& out;
  std::ostream& err;
  bool err_is_terminal = false;  // Progress is drawn over itself.
  const Clock& clock;
  Random& random;
  StopFlag& stop;  // Raised by SIGINT and SIGTERM.
  std::function<std::optional<std::string>(const std::string& name)> environment;
  // Asks a person for a secret without echo; nothing when there is no terminal to ask at.
  std::function<Result<SecretBuffer>(const std::string& prompt)> ask_secret;
};

// The process's own streams, environment and terminal; signals raise `stop`.
Outside process_outside(StopFlag& stop);

}  // namespace ebb
