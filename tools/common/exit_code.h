// SPDX-License-Identifier: Apache-2.0
// exit_code.h - how ebb ends. docs/exit-codes.md is the table for people.
#pragma once

#include "devmap/core/result.h"

namespace ebb {

enum class ExitCode : int {
  done = 0,
  failed = 1,
  usage = 2,
  incomplete = 3,  // Done, but some data could not be read or was left out; the output says what.
  refused = 4,     // A check said no before anything was written.
  damaged = 5,     // Damage was found in the repository or on the compared device.
  busy = 6,        // Somebody else holds it; try again.
  interrupted = 130,
};

// What a command that ended with this error exits with.
ExitCode exit_code_of(const Error& error);

}  // namespace ebb
