// SPDX-License-Identifier: Apache-2.0
// remote_chore.h - a chore at a storage agent: asked for, watched, and its report fetched.
#pragma once

#include "engine/flow/repository_access.h"
#include "wire/client/connection.h"

namespace ebb {

// As in a folder of this machine. When the wish to stop comes it is passed on, and what the agent
// made of it is the answer. Through cut connections it is one chore.
Result<ChoreReport> do_remote_chore(Connection& connection, Random& random, const Chore& chore,
                                    const RepositoryAccess::ChoreHost& host);

}  // namespace ebb
