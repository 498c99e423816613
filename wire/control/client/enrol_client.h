// SPDX-License-Identifier: Apache-2.0
// enrol_client.h - makes this host known to a manager, with a token. Once.
//
// For ebb-storage, ebb-agent and ebb. Afterwards the host has an identity in its state folder; when
// anything fails it has none, and what was made is gone again. Blocks; uses an event loop of its
// own, so the thread must have none.
#pragma once

#include "wire/control/client/identity.h"

namespace ebb::control {

struct EnrolmentWish {
  std::string state_folder;
  Token token;
  std::optional<Address> manager;  // Instead of the token's, when it is reached in another way.
  std::string name;                // The host's.
  std::vector<std::string> server_names;  // A storage agent's: what clients dial.
};

Result<Identity> enroll(const EnrolmentWish& wish);

}  // namespace ebb::control
