// SPDX-License-Identifier: Apache-2.0
// server.h - the management server: both ports, until somebody wants it to stop.
//
// Runs on the caller's thread, with an event loop of its own. Others may work on the store's
// database meanwhile, in this process (with a Store of their own) or another.
#pragma once

#include "devmap/core/interrupt.h"
#include "wire/control/manager/sessions.h"

namespace ebb::control {

struct ServerAddresses {
  Address control;    // Port 0: any that is free.
  Address enrolment;  // The same.
};

// Returns when `stop` is raised (it is looked at five times a second), or when the ports cannot be
// opened. What was answered is in the database; connections are dropped.
Result<void> serve_manager(Store& store, const ServerAddresses& addresses, const Clock& clock,
                           Random& random, const StopFlag& stop, ServerEvents& events);

}  // namespace ebb::control
